//! What people send to make and change a destination, and how it is checked.

use hookswitch_domain::destination::{Body, Config, Header, MAX_IN_FLIGHT_LIMIT, check_headers};
use hookswitch_domain::egress::{EgressError, Target, parse_target};
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{CredentialId, GroupId};
use hookswitch_domain::retry::{Policy, PolicyOverride};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::Profile;
use hookswitch_domain::throttle::RATE_MAX;
use hookswitch_pipeline::outbound::adapter::{self, Adapter};
use hookswitch_store::destination::Destination as Row;
use hookswitch_store::{Tx, credential};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

pub(super) use super::super::body::present;
use super::super::problem::{Checks, FieldError, Problem};
use super::content;
use super::parts::{HeaderBody, PolicyBody};
use super::signing::SigningInput;
use crate::app::App;

const EVENT_TYPES_MAX: usize = 100;

/// A destination to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDestination {
    #[schema(example = "Orders system")]
    name: String,
    /// Where to send. Private and reserved addresses are refused.
    #[schema(value_type = String, example = "https://hooks.example.com/in/7f3a")]
    endpoint_url: Secret,
    #[serde(default = "webhook")]
    #[schema(default = "webhook")]
    adapter_type: String,
    /// The adapter's own settings.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Value,
    #[schema(value_type = Option<String>)]
    credential_id: Option<CredentialId>,
    /// Types or patterns: `ticket.created`, `ticket.*` at every depth, `*` for everything but `integration.*`.
    #[serde(default = "everything")]
    #[schema(value_type = Vec<String>, default = json!(["*"]))]
    event_types: Vec<EventPattern>,
    /// Only events of this group are sent; absent: of every group.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// JSONata over the envelope; events for which it isn't true are not sent.
    #[schema(example = "payload.amount > 1000")]
    filter: Option<String>,
    /// Dotted paths into the payload; nothing else of it is sent.
    #[serde(default)]
    payload_fields: Vec<String>,
    /// JSONata over the envelope whose result is the body.
    transform: Option<String>,
    #[serde(default)]
    headers: Vec<HeaderBody>,
    signing: Option<SigningInput>,
    #[serde(default)]
    policy: PolicyBody,
    #[schema(minimum = 1, maximum = 200, default = 10)]
    max_in_flight: Option<u32>,
    /// Requests in any second; without it, as many as fit.
    #[schema(minimum = 1, maximum = 1000)]
    rate_limit_per_second: Option<u32>,
    /// Events of one `ordering_key` are sent one after the other: the next one when the one before has ended. Events
    /// without a key stand in one line of their own.
    #[serde(default)]
    #[schema(default = false)]
    ordered: bool,
    #[serde(default)]
    #[schema(value_type = String, default = "envelope")]
    body: Body,
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

fn webhook() -> String {
    "webhook".to_owned()
}

fn everything() -> Vec<EventPattern> {
    vec![EventPattern::Everything]
}

fn yes() -> bool {
    true
}

/// A checked new destination.
pub(in crate::api) struct Draft {
    pub name: String,
    pub target: Target,
    pub adapter_type: String,
    pub credential: Option<CredentialId>,
    pub group_id: Option<GroupId>,
    pub config: Config,
    /// A signing secret that the caller brings along.
    pub secret: Option<Secret>,
    pub ed25519: bool,
    pub enabled: bool,
}

impl NewDestination {
    pub(in crate::api) async fn check(self, app: &App) -> Result<Draft, Problem> {
        // Who points inside hears that, whatever else is wrong.
        let target = judge(&self.endpoint_url, app)?;
        let SigningInput { profile, secret, ed25519 } =
            self.signing.unwrap_or(SigningInput { profile: None, secret: None, ed25519: None });
        let mut config = Config {
            event_types: self.event_types,
            headers: self.headers.into_iter().map(|header| Header { name: header.name, value: header.value }).collect(),
            profile,
            policy: self.policy.into(),
            max_in_flight: self.max_in_flight.unwrap_or(hookswitch_domain::destination::MAX_IN_FLIGHT_DEFAULT),
            rate_limit_per_second: self.rate_limit_per_second,
            body: self.body,
            settings: self.settings,
            filter: self.filter,
            payload_fields: self.payload_fields,
            transform: self.transform,
            ordered: self.ordered,
            made_lines: self.ordered,
            ..Config::default()
        };
        config.made_bodies = config.makes_body();
        let mut checks = Checks::default();
        checks.name("name", &self.name);
        check_config(&mut checks, &self.adapter_type, &config, app);
        let (filter, transform) = (config.filter.as_deref(), config.transform.as_deref());
        content::check(&mut checks, filter, &config.payload_fields, transform, app).await?;
        checks.finish()?;
        let Self { name, adapter_type, credential_id, group_id, enabled, .. } = self;
        let ed25519 = ed25519.unwrap_or(false);
        Ok(Draft { name, target, adapter_type, credential: credential_id, group_id, config, secret, ed25519, enabled })
    }
}

fn judge(url: &Secret, app: &App) -> Result<Target, Problem> {
    let text = url.expose_text().unwrap_or_default();
    parse_target(text, &app.engine.rules).map_err(|error| refuse(&error))
}

/// The refusal in the words of the contract: the whole detail is the rule. The field's own says what
/// to do instead.
fn refuse(error: &EgressError) -> Problem {
    let detail = error.to_string();
    let said = error.hint().map_or_else(|| detail.clone(), |hint| format!("{detail}; {hint}"));
    let field = FieldError::new("endpoint_url", error.code(), said);
    let mut problem = Problem::fields(vec![field]);
    problem.detail = detail;
    problem
}

/// The adapter fits the installation, and the settings fit the adapter.
fn check_adapter(checks: &mut Checks, adapter_type: &str, config: &Config, app: &App) {
    let Some(adapter) = adapter::find(adapter_type) else {
        return checks.fail("adapter_type", "unknown", format!("there is no adapter {adapter_type:?}"));
    };
    if adapter.development_only() && !app.config.environment.lenient() {
        let rule = format!("the {adapter_type} adapter is refused outside the environments local, dev and test");
        checks.fail("adapter_type", "development_only", rule);
    }
    if let Err(error) = adapter.check_settings(&config.settings) {
        checks.fail(error.field, "invalid", error.rule);
    }
    if !adapter.signs() && config.profile.as_ref().is_some_and(|profile| *profile != Profile::None) {
        checks.fail("signing.profile", "not_signed", format!("requests of the {adapter_type} adapter aren't signed"));
    }
}

/// Whether requests to the destination carry a signature.
pub(super) fn signs(adapter_type: &str, config: &Config) -> bool {
    adapter::find(adapter_type).is_some_and(|adapter| adapter.signs()) && config.profile != Some(Profile::None)
}

fn check_config(checks: &mut Checks, adapter_type: &str, config: &Config, app: &App) {
    check_adapter(checks, adapter_type, config, app);
    if !(1..=EVENT_TYPES_MAX).contains(&config.event_types.len()) {
        checks.fail("event_types", "length", "must have 1 to 100 entries");
    }
    let pairs = config.headers.iter().map(|header| (header.name.as_str(), header.value.as_str()));
    if let Err(error) = check_headers(pairs) {
        checks.fail("headers", "invalid", error.to_string());
    }
    if !(1..=MAX_IN_FLIGHT_LIMIT).contains(&config.max_in_flight) {
        checks.fail("max_in_flight", "invalid", "must be 1 to 200");
    }
    if config.rate_limit_per_second.is_some_and(|rate| !(1..=RATE_MAX).contains(&rate)) {
        checks.fail("rate_limit_per_second", "invalid", "must be 1 to 1000");
    }
    if let Err(error) = Policy::default().overridden(&config.policy).check() {
        checks.fail(format!("policy.{}", error.field), "invalid", error.rule);
    }
    match &config.profile {
        Some(Profile::None) if adapter::find(adapter_type).is_some_and(Adapter::signs) && !app.config.allow_unsigned => {
            checks.fail("signing.profile", "unsigned", "unsigned requests are switched off here (signing.allow_unsigned)");
        }
        Some(profile) => {
            if let Err(error) = profile.check() {
                checks.fail(format!("signing.profile.custom.{}", error.field), "invalid", error.rule);
            }
        }
        None => {}
    }
}

/// A credential that is named must be there, and stay there.
pub(super) async fn check_credential(tx: &mut Tx, id: Option<CredentialId>) -> Result<(), Problem> {
    let Some(id) = id else { return Ok(()) };
    match credential::hold(tx, id).await? {
        None => Err(Problem::invalid("credential_id", "unknown", "there is no such credential")),
        Some(_) => Ok(()),
    }
}

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = DestinationChange)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub(super) name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(super) endpoint_url: Option<Secret>,
    #[schema(value_type = Option<Object>)]
    pub(super) settings: Option<Value>,
    /// Null takes the credential away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) credential_id: Option<Option<CredentialId>>,
    #[schema(value_type = Option<Vec<String>>)]
    pub(super) event_types: Option<Vec<EventPattern>>,
    /// Null: events of every group.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) group_id: Option<Option<GroupId>>,
    /// Null takes the filter away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) filter: Option<Option<String>>,
    /// Empty takes the allow-list away.
    pub(super) payload_fields: Option<Vec<String>>,
    /// Null takes the transform away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) transform: Option<Option<String>>,
    pub(super) headers: Option<Vec<HeaderBody>>,
    /// Null goes back to the tenant's default profile; a profile that is absent stays.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SigningInput>)]
    pub(super) signing: Option<Option<SigningInput>>,
    pub(super) policy: Option<PolicyBody>,
    pub(super) max_in_flight: Option<u32>,
    /// Null takes the limit away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub(super) rate_limit_per_second: Option<Option<u32>>,
    /// Counts for events that are accepted from now on: what waits keeps its order, or has none.
    pub(super) ordered: Option<bool>,
    #[schema(value_type = Option<String>)]
    pub(super) body: Option<Body>,
    pub(super) enabled: Option<bool>,
}

impl Change {
    pub(super) fn check_url(&self, app: &App) -> Result<Option<Target>, Problem> {
        self.endpoint_url.as_ref().map(|url| judge(url, app)).transpose()
    }

    /// Whether a key pair shall sign, where the change says so.
    pub(super) fn ed25519(&self) -> Option<bool> {
        self.signing.as_ref()?.as_ref()?.ed25519
    }

    /// Before the transaction: expressions are compiled in the sandbox.
    pub(super) async fn check_content(&self, app: &App) -> Result<(), Problem> {
        let mut checks = Checks::default();
        let text = |field: &Option<Option<String>>| field.clone().flatten();
        let paths = self.payload_fields.as_deref().unwrap_or_default();
        content::check(&mut checks, text(&self.filter).as_deref(), paths, text(&self.transform).as_deref(), app).await?;
        checks.finish()
    }

    /// Changes the row and names the fields for the audit trail.
    pub(super) fn apply(&self, row: &mut Row, app: &App) -> Result<Vec<&'static str>, Problem> {
        let mut fields = Vec::new();
        let mut checks = Checks::default();
        let mut touch = |name: &'static str| fields.push(name);
        if let Some(name) = &self.name {
            checks.name("name", name);
            row.name.clone_from(name);
            touch("name");
        }
        if self.endpoint_url.is_some() {
            row.config.verified_at = None;
            touch("endpoint_url");
        }
        if let Some(settings) = &self.settings {
            row.config.settings.clone_from(settings);
            touch("settings");
        }
        if let Some(credential) = self.credential_id {
            row.credential = credential;
            touch("credential_id");
        }
        if let Some(types) = &self.event_types {
            row.config.event_types.clone_from(types);
            touch("event_types");
        }
        if let Some(group) = self.group_id {
            row.group_id = group;
            touch("group_id");
        }
        for (name, text, place) in
            [("filter", &self.filter, &mut row.config.filter), ("transform", &self.transform, &mut row.config.transform)]
        {
            if let Some(text) = text {
                place.clone_from(text);
                touch(name);
            }
        }
        if let Some(paths) = &self.payload_fields {
            row.config.payload_fields.clone_from(paths);
            touch("payload_fields");
        }
        row.config.made_bodies |= row.config.makes_body();
        if let Some(headers) = &self.headers {
            let copy = |header: &HeaderBody| Header { name: header.name.clone(), value: header.value.clone() };
            row.config.headers = headers.iter().map(copy).collect();
            touch("headers");
        }
        if let Some(signing) = &self.signing {
            if signing.as_ref().is_some_and(|signing| signing.secret.is_some()) {
                checks.fail("signing.secret", "immutable", "can't be changed here: rotate-secret takes a secret of yours");
            }
            match signing {
                None => row.config.profile = None,
                Some(signing) => row.config.profile = signing.profile.clone().or_else(|| row.config.profile.take()),
            }
            touch("signing");
        }
        if let Some(policy) = &self.policy {
            let PolicyBody { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted } = policy;
            row.config.policy = PolicyOverride {
                max_attempts: *max_attempts,
                schedule_seconds: schedule_seconds.clone(),
                timeout_ms: *timeout_ms,
                jitter: *jitter,
                on_exhausted: *on_exhausted,
            };
            touch("policy");
        }
        if let Some(max) = self.max_in_flight {
            row.config.max_in_flight = max;
            touch("max_in_flight");
        }
        if let Some(rate) = self.rate_limit_per_second {
            row.config.rate_limit_per_second = rate;
            touch("rate_limit_per_second");
        }
        if let Some(ordered) = self.ordered {
            row.config.ordered = ordered;
            row.config.made_lines |= ordered;
            touch("ordered");
        }
        if let Some(body) = self.body {
            row.config.body = body;
            touch("body");
        }
        if self.enabled.is_some() {
            touch("enabled");
        }
        check_config(&mut checks, &row.adapter_type, &row.config, app);
        checks.finish()?;
        Ok(fields)
    }
}
