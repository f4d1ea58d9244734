//! Who may do what. A permission is a (resource, action) pair, written `destination:update`. A
//! role is a set of them; the built-in roles are the table of CONTRACT 8, and a custom role picks
//! from the same list.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! permissions {
    ($($name:ident $text:literal $about:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($name),+ }

        impl Permission {
            /// Every permission, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about),+ }
            }
        }
    };
}

permissions! {
    EventRead "event:read" "see events";
    EventPublish "event:publish" "publish events";
    EventTypeRead "event_type:read" "see the event-type catalogue";
    EventTypeWrite "event_type:write" "register, edit and delete event types";
    DestinationCreate "destination:create" "create destinations";
    DestinationRead "destination:read" "see destinations and the delivery policy";
    DestinationUpdate "destination:update" "edit, pause, resume, test and rotate destinations";
    DestinationDelete "destination:delete" "delete destinations";
    DestinationReveal "destination:reveal" "see a destination's whole URL";
    CredentialCreate "credential:create" "create credentials";
    CredentialRead "credential:read" "see credentials, never their values";
    CredentialUpdate "credential:update" "replace credentials";
    CredentialDelete "credential:delete" "delete credentials";
    DeliveryRead "delivery:read" "see deliveries and attempts";
    DeliveryReplay "delivery:replay" "replay and recover deliveries";
    DeliveryCancel "delivery:cancel" "cancel and discard deliveries";
    NotificationRead "notification:read" "see notification rules";
    NotificationWrite "notification:write" "create, edit, test and remove notification rules";
    InboundCreate "inbound_webhook:create" "create inbound webhooks";
    InboundRead "inbound_webhook:read" "see inbound webhooks and what they received";
    InboundUpdate "inbound_webhook:update" "edit inbound webhooks and rotate their secrets";
    InboundDelete "inbound_webhook:delete" "delete inbound webhooks";
    InboundReplay "inbound_webhook:replay" "replay what an inbound webhook received";
    DeskRead "desk:read" "see tickets, clients and the other records";
    DeskWrite "desk:write" "create and edit records";
    AlertHandle "alert:handle" "acknowledge alerts and assign them to oneself";
    AuditRead "audit:read" "see the audit trail";
    UserRead "user:read" "see users and roles";
    UserWrite "user:write" "create, edit and remove users";
    RoleWrite "role:write" "create, edit and remove roles";
    TokenRead "token:read" "see API tokens, never their values";
    TokenWrite "token:write" "create and revoke API tokens";
    PortalOpen "portal:open" "make, see and revoke links to the customer portal";
    FeatureRead "feature:read" "see which features are on";
    FeatureWrite "feature:write" "switch features on and off";
    TenantRead "tenant:read" "see tenants (platform only)";
    TenantWrite "tenant:write" "create and edit tenants (platform only)";
}

/// The text names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no permission; /api/v1/roles lists them")]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;
    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let found = Self::ALL.iter().copied().find(|permission| permission.as_str() == text);
        found.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A set of permissions in one word.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    pub const NONE: Self = Self(0);

    pub fn of(list: impl IntoIterator<Item = Permission>) -> Self {
        Self(list.into_iter().fold(0, |bits, permission| bits | 1 << permission as u64))
    }

    pub fn all() -> Self {
        Self::of(Permission::ALL.iter().copied())
    }

    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// Whether every permission in here is in `other` too: nobody grants what they don't hold.
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.allow(*permission))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::as_str)).finish()
    }
}

/// The built-in roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    PlatformAdmin,
    TenantAdmin,
    Operator,
    Auditor,
    Publisher,
}

impl Role {
    pub const ALL: &'static [Self] = &[Self::PlatformAdmin, Self::TenantAdmin, Self::Operator, Self::Auditor, Self::Publisher];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformAdmin => "platform_admin",
            Self::TenantAdmin => "tenant_admin",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Publisher => "publisher",
        }
    }

    pub const fn about(self) -> &'static str {
        match self {
            Self::PlatformAdmin => "everything in every tenant; each use is audited",
            Self::TenantAdmin => "everything in one tenant",
            Self::Operator => "sees what flows, handles alerts, changes no configuration",
            Self::Auditor => "sees what flows, redacted, and changes nothing",
            Self::Publisher => "publishes events and nothing else: for a platform's own services",
        }
    }

    pub fn permissions(self) -> Permissions {
        use Permission::*;
        let watch = [
            EventRead,
            EventTypeRead,
            DestinationRead,
            CredentialRead,
            DeliveryRead,
            NotificationRead,
            DeskRead,
            AuditRead,
            FeatureRead,
        ];
        match self {
            Self::PlatformAdmin => Permissions::all(),
            Self::TenantAdmin => {
                Permissions::of(Permission::ALL.iter().copied().filter(|p| !matches!(p, TenantRead | TenantWrite)))
            }
            Self::Operator => Permissions::of(watch.into_iter().chain([AlertHandle])),
            Self::Auditor => Permissions::of(watch),
            Self::Publisher => Permissions::of([EventPublish]),
        }
    }

    /// Whether reads are shown with personal and payload detail masked.
    pub const fn redacted(self) -> bool {
        matches!(self, Self::Auditor)
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.iter().copied().find(|role| role.as_str() == text);
        found.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no role; known are platform_admin, tenant_admin, operator, auditor and publisher")]
pub struct UnknownRole(pub String);

/// What a token's scopes (`events:publish`, `destinations:write`) permit. `write` includes `read`.
pub fn scope(text: &str) -> Result<Permissions, UnknownScope> {
    use Permission::*;
    let list: &[Permission] = match text {
        "events:publish" => &[EventPublish],
        "events:read" => &[EventRead],
        "event_types:read" => &[EventTypeRead],
        "event_types:write" => &[EventTypeRead, EventTypeWrite],
        "destinations:read" => &[DestinationRead],
        "destinations:write" => &[DestinationCreate, DestinationRead, DestinationUpdate, DestinationDelete, DestinationReveal],
        "credentials:read" => &[CredentialRead],
        "credentials:write" => &[CredentialCreate, CredentialRead, CredentialUpdate, CredentialDelete],
        "deliveries:read" => &[DeliveryRead],
        "deliveries:write" => &[DeliveryRead, DeliveryReplay, DeliveryCancel],
        "notifications:read" => &[NotificationRead],
        "notifications:write" => &[NotificationRead, NotificationWrite],
        "inbound_webhooks:read" => &[InboundRead],
        "inbound_webhooks:write" => &[InboundCreate, InboundRead, InboundUpdate, InboundDelete, InboundReplay],
        "desk:read" => &[DeskRead],
        "desk:write" => &[DeskRead, DeskWrite, AlertHandle],
        "audit:read" => &[AuditRead],
        "users:write" => &[UserRead, UserWrite, RoleWrite],
        "tokens:write" => &[TokenRead, TokenWrite],
        // A link grants no more than its maker holds: these are what a portal may be given.
        "portal_sessions:write" => &[
            PortalOpen,
            DestinationCreate,
            DestinationRead,
            DestinationUpdate,
            DestinationDelete,
            DestinationReveal,
            DeliveryRead,
            DeliveryReplay,
            DeliveryCancel,
            EventTypeRead,
        ],
        "features:write" => &[FeatureRead, FeatureWrite],
        "tenants:read" => &[TenantRead],
        "tenants:write" => &[TenantRead, TenantWrite],
        _ => return Err(UnknownScope(text.to_owned())),
    };
    Ok(Permissions::of(list.iter().copied()))
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no scope")]
pub struct UnknownScope(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_fits_its_word_and_names_are_unique() {
        assert!(Permission::ALL.len() <= 64);
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
    }

    #[test]
    fn auditors_and_operators_change_no_configuration() {
        for role in [Role::Auditor, Role::Operator] {
            for permission in role.permissions().iter() {
                let reads = permission.as_str().ends_with(":read") || permission == Permission::AlertHandle;
                assert!(reads, "{role:?} may {permission}");
            }
            assert!(!role.permissions().allow(Permission::InboundRead), "CONTRACT 8: inbound is for admins");
        }
        assert!(!Role::Auditor.permissions().allow(Permission::AlertHandle));
    }

    #[test]
    fn a_tenant_admin_reaches_no_other_tenant() {
        let held = Role::TenantAdmin.permissions();
        assert!(!held.allow(Permission::TenantWrite) && !held.allow(Permission::TenantRead));
        assert!(held.within(Role::PlatformAdmin.permissions()));
        assert!(!Role::PlatformAdmin.permissions().within(held));
    }
}
