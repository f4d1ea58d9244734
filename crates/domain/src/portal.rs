//! The customer portal: what its visitors may do, and how it looks. A portal has permissions of its
//! own, which are never more than these; and its look is data that can carry no style sheet, no script
//! and no address that the installation hasn't named.

use serde::{Deserialize, Serialize};

use crate::permission::{Permission, Permissions};

/// What visitors may do with what they see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Look, and nothing else.
    Read,
    /// Look, and send deliveries again.
    Replay,
    /// All that, and create, edit, pause, rotate, test and delete destinations.
    #[default]
    Manage,
}

impl Access {
    pub const ALL: [Self; 3] = [Self::Read, Self::Replay, Self::Manage];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Replay => "replay",
            Self::Manage => "manage",
        }
    }

    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.as_str() == text)
    }

    pub fn permissions(self) -> Permissions {
        use Permission::*;
        let look: &[Permission] = &[DestinationRead, DeliveryRead, EventTypeRead];
        let again: &[Permission] = &[DeliveryReplay, DeliveryCancel];
        let manage: &[Permission] = &[DestinationCreate, DestinationUpdate, DestinationDelete, DestinationReveal];
        let lists = match self {
            Self::Read => vec![look],
            Self::Replay => vec![look, again],
            Self::Manage => vec![look, again, manage],
        };
        Permissions::of(lists.concat())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    Light,
    Dark,
    /// As the visitor's system has it.
    #[default]
    Auto,
}

/// The host's colours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// `#rrggbb`.
    pub accent: Option<String>,
    pub logo_text: Option<String>,
    pub logo_url: Option<String>,
    pub scheme: Scheme,
}

/// An image inside the link's row: as much as a logo needs.
pub const LOGO_BYTES_MAX: usize = 32 << 10;
const LOGO_TEXT_CHARS_MAX: usize = 60;

/// Which field is wrong, and what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookError {
    pub field: &'static str,
    pub rule: &'static str,
}

impl Look {
    /// `image_origins`: where the installation lets logos come from (`https://cdn.example.com`).
    pub fn check(&self, image_origins: &[String]) -> Result<(), LookError> {
        let fail = |field, rule| Err(LookError { field, rule });
        if self.accent.as_deref().is_some_and(|accent| !is_colour(accent)) {
            return fail("accent", "must be a colour like #0b7285");
        }
        let plain = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= LOGO_TEXT_CHARS_MAX && !text.chars().any(char::is_control)
        };
        if self.logo_text.as_deref().is_some_and(|text| !plain(text)) {
            return fail("logo_text", "must have 1 to 60 characters, none of them a control character");
        }
        match self.logo_url.as_deref() {
            Some(url) if !is_inline_image(url) && !is_allowed_image(url, image_origins) => fail(
                "logo_url",
                "must be a data: URL of a PNG, JPEG, WebP, GIF or SVG image in base64, 32 KiB at most, or begin with an origin in portal.image_origins",
            ),
            _ => Ok(()),
        }
    }
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn is_inline_image(url: &str) -> bool {
    let kinds = ["png", "jpeg", "webp", "gif", "svg+xml"];
    let data = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let base64 = |text: &str| {
        let body = text.trim_end_matches('=');
        !body.is_empty()
            && text.len() - body.len() <= 2
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    };
    url.len() <= LOGO_BYTES_MAX && data.is_some_and(|(kind, text)| kinds.contains(&kind) && base64(text))
}

fn is_allowed_image(url: &str, origins: &[String]) -> bool {
    let plain = url.len() <= 2_000
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\'));
    plain && origins.iter().any(|origin| url.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Role;

    fn look(accent: Option<&str>, text: Option<&str>, url: Option<&str>) -> Look {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Look { accent: own(accent), logo_text: own(text), logo_url: own(url), scheme: Scheme::Auto }
    }

    #[test]
    fn a_portal_administers_nothing() {
        let most = Access::Manage.permissions();
        for permission in most.iter() {
            let noun = permission.as_str().split(':').next().unwrap_or_default();
            assert!(["destination", "delivery", "event_type"].contains(&noun), "{permission}");
        }
        assert!(most.within(Role::TenantAdmin.permissions()) && !Role::Operator.permissions().within(most));
        assert!(Access::Read.permissions().within(Access::Replay.permissions()));
        assert!(Access::Read.permissions().iter().all(|permission| permission.as_str().ends_with(":read")));
    }

    #[test]
    fn a_hostile_look_is_refused() {
        let origins = ["https://cdn.example.com".to_owned()];
        for accent in ["red", "#fff", "#12345g", "#123456;}", "#0b7285 url(x)", "var(--x)", "0b7285", "#0b72855", "＃0b7285", ""]
        {
            assert_eq!(look(Some(accent), None, None).check(&origins).unwrap_err().field, "accent", "{accent}");
        }
        for text in ["", "  ", "a\u{7}b", "a\nb", &"x".repeat(61)] {
            assert_eq!(look(None, Some(text), None).check(&origins).unwrap_err().field, "logo_text", "{text:?}");
        }
        for url in [
            "javascript:alert(1)",
            "http://cdn.example.com/logo.png",
            "https://cdn.example.com.evil.example/logo.png",
            "https://cdn.example.com@evil.example/logo.png",
            "https://evil.example/logo.png",
            "https://cdn.example.com/a\"b",
            "data:text/html;base64,PHNjcmlwdD4=",
            "data:image/png,<svg>",
            "data:image/png;base64,",
            "data:image/png;base64,AA==;x",
            &format!("data:image/png;base64,{}", "A".repeat(LOGO_BYTES_MAX)),
        ] {
            assert_eq!(look(None, None, Some(url)).check(&origins).unwrap_err().field, "logo_url", "{url}");
        }
    }

    #[test]
    fn a_host_s_own_look_is_taken() {
        let origins = ["https://cdn.example.com".to_owned()];
        for url in
            ["data:image/png;base64,iVBORw0KGgo=", "data:image/svg+xml;base64,PHN2Zy8+", "https://cdn.example.com/a/logo.svg"]
        {
            assert_eq!(look(Some("#0B7285"), Some("Acme & Sons <Ltd>"), Some(url)).check(&origins), Ok(()), "{url}");
        }
        assert_eq!(Look::default().check(&[]), Ok(()));
    }
}
