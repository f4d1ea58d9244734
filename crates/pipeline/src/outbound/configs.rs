//! A copy of each tenant's outbound configuration. It is made in one read and carries the epoch
//! that it was made at; whoever relies on it compares that number inside the statement that
//! matters (accept), or with the one that came with the claim.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use hookswitch_domain::destination::{Config, Hold};
use hookswitch_domain::egress::{Rules, Target, parse_target};
use hookswitch_domain::id::{CredentialId, DestinationId, GroupId, TenantId};
use hookswitch_domain::retry::Policy;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::Profile;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::destination::Destination;
use hookswitch_store::event_type::EventType;
use hookswitch_store::secret::Sealed;
use hookswitch_store::{Db, StoreError, Tx, destination, event_type, installation, policy, secret, tenant};

use super::builtin::BuiltIn;
use super::catalogue::Catalogue;
use super::content::Content;
use crate::secrets::{SecretError, Secrets};

/// Purposes that are bound into the seals of a destination's secrets.
pub const PURPOSE_URL: &str = "destination_url";
pub const PURPOSE_SIGNING: &str = "destination_signing";
pub const PURPOSE_KEY: &str = "destination_key";

/// Copies kept; more tenants than this and the copies start anew.
const TENANTS_MAX: usize = 20_000;

/// A tenant as publishing and sending see it.
pub struct TenantConfig {
    pub tenant: TenantId,
    pub epoch: i64,
    pub slug: String,
    /// Nothing is sent for the tenant.
    pub sending_paused: bool,
    pub outlets: Vec<Arc<Outlet>>,
    /// Whether some destination is told how deliveries end.
    pub tells: bool,
    /// What events may look like.
    pub catalogue: Arc<Catalogue>,
}

impl TenantConfig {
    pub fn outlet(&self, id: DestinationId) -> Option<&Arc<Outlet>> {
        self.outlets.binary_search_by_key(&id, |outlet| outlet.id).ok().map(|place| &self.outlets[place])
    }
}

/// A destination, ready to be sent to.
pub struct Outlet {
    pub id: DestinationId,
    pub group_id: Option<GroupId>,
    pub adapter: &'static dyn super::adapter::Adapter,
    /// Judged when it was read.
    pub target: Result<Target, NoTarget>,
    pub config: Config,
    /// Where something else than the event itself is sent.
    pub content: Option<Content>,
    pub headers: Vec<(String, String)>,
    pub policy: Policy,
    pub profile: Profile,
    pub hold: Option<Hold>,
    pub credential: Option<CredentialId>,
    /// Counts the destination's own changes.
    pub revision: i64,
    signing: Option<Sealed>,
    previous: Option<(Sealed, Timestamp)>,
    /// Private keys, the newest first, each with the end of its time.
    keys: Vec<(Sealed, Option<Timestamp>)>,
}

/// Why a destination can't be sent to at all.
#[derive(Debug, Clone)]
pub enum NoTarget {
    /// The installation no longer allows the address: terminal.
    Refused(String),
    /// The sealed URL can't be opened now: held, and looked at again.
    Unopened(String),
}

impl Outlet {
    /// Opens the signing secrets, the newest first, and the private keys behind them; those that were
    /// replaced only while their overlap lasts.
    pub fn signing_secrets(&self, secrets: &Secrets, now: Timestamp) -> Result<Vec<Secret>, SecretError> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now).map(|(sealed, _)| sealed);
        let open = |row: &Sealed| secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE_SIGNING);
        let shared = self.signing.iter().chain(previous).map(open);
        let keys = self.keys.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
        let open_key = |row: &Sealed| secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE_KEY);
        shared.chain(keys.map(|(row, _)| open_key(row))).collect()
    }

    /// Whether its requests would leave without a signature that they should have.
    pub fn unsigned(&self) -> bool {
        self.profile == Profile::None && self.adapter.signs()
    }

    /// Whether the event is for this destination.
    pub fn wants(&self, event_type: &str, group: Option<GroupId>) -> bool {
        let in_group = self.group_id.is_none_or(|own| group == Some(own));
        in_group && self.config.event_types.iter().any(|pattern| pattern.matches(event_type))
    }
}

/// All copies of this node.
pub struct Configs {
    db: Db,
    secrets: Secrets,
    rules: Rules,
    allow_unsigned: bool,
    built_in: Arc<[BuiltIn]>,
    copies: RwLock<HashMap<TenantId, Arc<TenantConfig>>>,
}

impl Configs {
    pub fn new(db: Db, secrets: Secrets, rules: Rules) -> Self {
        Self { db, secrets, rules, allow_unsigned: false, built_in: Arc::new([]), copies: RwLock::default() }
    }

    /// Event types of the product and its hosts, which every catalogue knows.
    #[must_use]
    pub fn knowing(mut self, built_in: Vec<BuiltIn>) -> Self {
        self.built_in = built_in.into();
        self
    }

    pub fn built_in(&self) -> &Arc<[BuiltIn]> {
        &self.built_in
    }

    /// `signing.allow_unsigned`: whether requests may leave without a signature.
    #[must_use]
    pub fn allowing_unsigned(mut self, allowed: bool) -> Self {
        self.allow_unsigned = allowed;
        self
    }

    pub fn allow_unsigned(&self) -> bool {
        self.allow_unsigned
    }

    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A copy that is at least as new as `epoch`; `None` if there is no such tenant.
    pub async fn at(&self, tenant: TenantId, epoch: i64) -> Result<Option<Arc<TenantConfig>>, StoreError> {
        if let Some(copy) = self.cached(tenant).filter(|copy| copy.epoch >= epoch) {
            return Ok(Some(copy));
        }
        self.reload(tenant).await
    }

    pub fn cached(&self, tenant: TenantId) -> Option<Arc<TenantConfig>> {
        self.copies.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned()
    }

    /// Reads the tenant anew.
    pub async fn reload(&self, tenant: TenantId) -> Result<Option<Arc<TenantConfig>>, StoreError> {
        let read = self.db.for_tenant(tenant).read(|tx| Box::pin(read(tx))).await?;
        Ok(read.map(|raw| self.keep(raw)))
    }

    /// The copy for a transaction that reads the epoch itself: fresh, whatever is cached.
    pub async fn within(&self, tx: &mut Tx) -> Result<Option<Arc<TenantConfig>>, StoreError> {
        let Some(own) = tenant::own_held(tx).await? else { return Ok(None) };
        if let Some(copy) = self.cached(own.id).filter(|copy| copy.epoch == own.epoch) {
            return Ok(Some(copy));
        }
        // Not kept: this transaction may see its own change, which nobody else may see yet.
        Ok(read(tx).await?.map(|raw| Arc::new(self.build(raw))))
    }

    fn keep(&self, raw: Raw) -> Arc<TenantConfig> {
        let copy = Arc::new(self.build(raw));
        // What can't be opened now (a key file that is still on its way) is tried again next time.
        if copy.outlets.iter().any(|outlet| matches!(outlet.target, Err(NoTarget::Unopened(_)))) {
            return copy;
        }
        let mut copies = self.copies.write().unwrap_or_else(PoisonError::into_inner);
        if copies.len() >= TENANTS_MAX {
            copies.clear();
        }
        let newer = copies.get(&copy.tenant).filter(|kept| kept.epoch > copy.epoch).cloned();
        newer.unwrap_or_else(|| {
            copies.insert(copy.tenant, copy.clone());
            copy
        })
    }

    fn build(&self, raw: Raw) -> TenantConfig {
        let default_profile = raw.policy.default_signing_profile.as_deref().and_then(Profile::named).unwrap_or_default();
        let outlets = raw.destinations.into_iter().filter_map(|found| self.outlet(found, &raw.policy.policy, &default_profile));
        let outlets: Vec<_> = outlets.map(Arc::new).collect();
        let before = self.cached(raw.tenant.id);
        let before = before.as_ref().map(|copy| &*copy.catalogue);
        let catalogue = Catalogue::new(raw.tenant.settings.strict_event_types, &self.built_in, raw.event_types, before);
        TenantConfig {
            tells: super::news::wanted(&outlets),
            tenant: raw.tenant.id,
            epoch: raw.tenant.epoch,
            slug: raw.tenant.slug,
            sending_paused: raw.tenant.sending_paused,
            outlets,
            catalogue: Arc::new(catalogue),
        }
    }

    fn outlet(&self, found: Found, policy: &Policy, default_profile: &Profile) -> Option<Outlet> {
        let Found { destination, url, signing, previous, keys } = found;
        let adapter = super::adapter::find(&destination.adapter_type)?;
        let url = url.map(|row| self.secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE_URL));
        let target = match url {
            // The row may come from another installation's backup.
            _ if adapter.development_only() && !self.secrets.in_development() => {
                Err(NoTarget::Refused(format!("the {} adapter is refused outside local, dev and test", adapter.kind())))
            }
            Some(Ok(url)) => {
                let judged = parse_target(url.expose_text().unwrap_or(""), &self.rules);
                judged.map_err(|error| NoTarget::Refused(error.to_string()))
            }
            Some(Err(error)) => Err(NoTarget::Unopened(format!("the endpoint's URL can't be opened: {error}"))),
            None => Err(NoTarget::Unopened("the endpoint's URL is gone from the store".to_owned())),
        };
        let profile = destination.config.profile.clone().unwrap_or_else(|| default_profile.clone());
        Some(Outlet {
            id: destination.id,
            group_id: destination.group_id,
            adapter,
            target,
            headers: destination.config.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
            policy: policy.overridden(&destination.config.policy),
            profile,
            hold: destination.hold,
            credential: destination.credential,
            revision: destination.revision,
            content: Content::of(&destination.config),
            signing,
            previous: previous.zip(destination.previous_until),
            keys,
            config: destination.config,
        })
    }
}

struct Found {
    destination: Destination,
    url: Option<Sealed>,
    signing: Option<Sealed>,
    previous: Option<Sealed>,
    keys: Vec<(Sealed, Option<Timestamp>)>,
}

/// What one transaction read; opened and judged after it.
struct Raw {
    tenant: tenant::Tenant,
    policy: policy::DeliveryPolicy,
    destinations: Vec<Found>,
    event_types: Vec<EventType>,
}

async fn read(tx: &mut Tx) -> Result<Option<Raw>, StoreError> {
    let Some(mut tenant) = tenant::own(tx).await? else { return Ok(None) };
    tenant.sending_paused |= installation::sending_paused(tx).await?;
    let policy = policy::get(tx).await?;
    let mut destinations = Vec::new();
    for destination in destination::all(tx).await? {
        let url = secret::get(tx, destination.url_secret).await?;
        let mut sealed = [None, None];
        for (place, id) in [destination.signing_secret, destination.previous_secret].into_iter().enumerate() {
            if let Some(id) = id {
                sealed[place] = secret::get(tx, id).await?;
            }
        }
        let [signing, previous] = sealed;
        let mut keys = Vec::new();
        for key in &destination.keys {
            keys.extend(secret::get(tx, key.id).await?.map(|sealed| (sealed, key.signs_until)));
        }
        destinations.push(Found { destination, url, signing, previous, keys });
    }
    let event_types = event_type::all(tx).await?;
    Ok(Some(Raw { tenant, policy, destinations, event_types }))
}
