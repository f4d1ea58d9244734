//! The demo: everything on, with two tenants, people, a test endpoint and traffic. It is the real
//! server; only what it starts with is made up. Everything but tenants, accounts and the past
//! week of acme's desk is made through the public API, as a user would.

mod endpoint;
mod groups;
mod inside;
mod keepsake;
mod seed;
mod traffic;
mod week;

pub use endpoint::{Endpoint, serve as serve_endpoint};
pub use inside::Inside;
pub use keepsake::{Account, FILE, Keepsake, TenantKeepsake};
pub use seed::seed;
pub use traffic::run as run_traffic;

/// The demo's tenants: slug and name.
pub const TENANTS: [(&str, &str); 2] = [("acme", "Acme Manufacturing"), ("globex", "Globex Services")];
/// The slug of the sample inbound webhook.
pub const WEBHOOK: &str = "rmm-alerts";
/// The header that its signature stands in.
pub const SIGNATURE_HEADER: &str = "X-Signature";
