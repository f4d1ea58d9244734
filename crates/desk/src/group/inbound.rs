//! A group's inbound door: other systems bring tasks, signed with the group's own secret over
//! `timestamp.body` and at most five minutes old, perhaps from certain networks alone. What they bring is
//! theirs by their own id, so that bringing it again changes it, and never another group's task.

use std::sync::LazyLock;
use std::time::Duration;

use hookswitch_domain::id::{GroupId, SecretId, TenantId, UserId};
use hookswitch_domain::inbound::Auth;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Profile, new_secret};
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_pipeline::inbound::auth::{self, Knock, Refused};
use hookswitch_pipeline::secrets::Secrets;
use hookswitch_pipeline::upkeep::Upkeep;
use hookswitch_store::secret::{self, Sealed};
use hookswitch_store::value::UuidValue;
use hookswitch_store::{Row, StoreError, Tx, params};
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::member;
use crate::change::Change;
use crate::id::TaskId;
use crate::input::{NAME_CHARS_MAX, check_name};
use crate::record;
use crate::task::{Task, lifecycle};
use crate::words::Json;

/// Bound into the seal of a group's secret.
const PURPOSE: &str = "group_inbound";
pub const NETWORKS_MAX: usize = 100;

/// How a request proves itself: the profile `fr022`, whose tolerance is five minutes.
static SCHEME: LazyLock<Option<Auth>> =
    LazyLock::new(|| Profile::Fr022.descriptor().map(|fr022| Auth::Signature { descriptor: Box::new(fr022.clone()) }));

/// What a group's admins set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Whether requests are let in at all.
    pub is_active: bool,
    /// Empty: from everywhere.
    pub ip_cidrs: Vec<IpNet>,
    pub secret: Option<SecretId>,
    pub previous_secret: Option<SecretId>,
    /// Until then the previous secret lets in too.
    pub previous_until: Option<Timestamp>,
}

const COLUMNS: &str = "is_active, ip_cidrs, secret, previous_secret, previous_until";

fn settings(row: &mut Row, at: usize) -> Result<Settings, StoreError> {
    Ok(Settings {
        is_active: row.get(at)?,
        ip_cidrs: row.get::<Json<Vec<IpNet>>>(at + 1)?.0,
        secret: row.get(at + 2)?,
        previous_secret: row.get(at + 3)?,
        previous_until: row.get(at + 4)?,
    })
}

/// Without a row of its own a group lets in whoever signs, as soon as there is a secret.
pub async fn get(tx: &mut Tx, group: GroupId) -> Result<Settings, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM group_inbound WHERE group_id = $1 AND tenant = $2");
    let found = tx.query_opt(&sql, params![group, tx.tenant()]).await?;
    found.map_or(Ok(Settings { is_active: true, ..Settings::default() }), |mut row| settings(&mut row, 0))
}

/// Writes the settings of a group, which the transaction holds.
pub async fn put(tx: &mut Tx, group: GroupId, settings: &Settings, now: Timestamp) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO group_inbound (group_id, tenant, is_active, ip_cidrs, secret, previous_secret, previous_until, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (group_id, tenant) DO UPDATE SET is_active = excluded.is_active,
        ip_cidrs = excluded.ip_cidrs, secret = excluded.secret, previous_secret = excluded.previous_secret,
        previous_until = excluded.previous_until, updated_at = excluded.updated_at";
    let Settings { is_active, ip_cidrs, secret, previous_secret, previous_until } = settings.clone();
    let row = params![group, tx.tenant(), is_active, Json(ip_cidrs), secret, previous_secret, previous_until, now];
    tx.execute(sql, row).await?;
    Ok(())
}

/// Gives the group a new secret, which is returned to be shown once. The old one lets in for so long.
pub async fn rotate(
    tx: &mut Tx,
    secrets: &Secrets,
    ambient: &dyn Ambient,
    group: GroupId,
    overlap: Duration,
) -> Result<(String, Settings), StoreError> {
    let mut settings = get(tx, group).await?;
    let shown = new_secret(ambient.random());
    let fresh = secrets.seal(tx, ambient, PURPOSE, &Secret::from(shown.as_str())).await?;
    let replaced = settings.secret.replace(fresh);
    let kept = replaced.filter(|_| !overlap.is_zero());
    let gone = [settings.previous_secret.take(), replaced.filter(|_| kept.is_none())];
    settings.previous_until = kept.map(|_| ambient.now().plus(overlap));
    settings.previous_secret = kept;
    put(tx, group, &settings, ambient.now()).await?;
    for old in gone.into_iter().flatten() {
        secret::delete(tx, old).await?;
    }
    Ok((shown, settings))
}

/// Ends a rotation's overlap: the old secret is gone for good. False: there was none.
pub async fn end_rotation(tx: &mut Tx, group: GroupId, now: Timestamp) -> Result<bool, StoreError> {
    let mut settings = get(tx, group).await?;
    let Some(old) = settings.previous_secret.take() else { return Ok(false) };
    settings.previous_until = None;
    put(tx, group, &settings, now).await?;
    secret::delete(tx, old).await
}

/// The door of a group that is removed.
pub(super) async fn forget(tx: &mut Tx, group: GroupId) -> Result<(), StoreError> {
    let Settings { secret, previous_secret, .. } = get(tx, group).await?;
    for old in [secret, previous_secret].into_iter().flatten() {
        secret::delete(tx, old).await?;
    }
    tx.execute("DELETE FROM group_inbound WHERE group_id = $1 AND tenant = $2", params![group, tx.tenant()]).await?;
    Ok(())
}

/// A door as a request meets it.
pub struct Door {
    pub tenant: TenantId,
    settings: Settings,
    secrets: Vec<Sealed>,
}

/// The door of a group of whichever tenant; a request names none.
pub async fn door(tx: &mut Tx, group: GroupId, now: Timestamp) -> Result<Option<Door>, StoreError> {
    let sql = format!("SELECT tenant, {COLUMNS} FROM group_inbound WHERE group_id = $1");
    let Some(mut row) = tx.query_opt(&sql, params![group]).await? else {
        // As much work as for one that is there: the time of the answer tells nothing.
        secret::get_of(tx, PLATFORM, SecretId(group.uuid())).await?;
        return Ok(None);
    };
    let tenant = TenantId(row.get::<UuidValue>(0)?);
    let settings = settings(&mut row, 1)?;
    let overlapping = settings.previous_secret.filter(|_| settings.previous_until.is_some_and(|until| until > now));
    let mut secrets = Vec::new();
    for id in [settings.secret, overlapping].into_iter().flatten() {
        secrets.extend(secret::get_of(tx, tenant, id).await?);
    }
    Ok(Some(Door { tenant, settings, secrets }))
}

impl Door {
    /// Whether the request is let in. A refusal takes as long as one at a door that isn't there.
    pub fn check(&self, secrets: &Secrets, knock: &Knock<'_>) -> Result<(), Option<Refused>> {
        let Some(scheme) = SCHEME.as_ref().filter(|_| self.settings.is_active) else {
            auth::check_nothing(knock);
            return Err(None);
        };
        let open = |row: &Sealed| {
            let opened = secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE);
            opened.inspect_err(|error| tracing::error!(tenant = %row.tenant, %error, "a group's secret can't be opened")).ok()
        };
        let keys: Vec<Secret> = self.secrets.iter().filter_map(open).collect();
        auth::check(scheme, &self.settings.ip_cidrs, &keys, knock).map_err(Some)
    }
}

/// A task as another system brings it; what it leaves out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    pub external_id: String,
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub assigned_user_id: Option<Option<UserId>>,
    pub due_at: Option<Option<Timestamp>>,
}

impl Incoming {
    fn given(&self) -> Map<String, Value> {
        let fields = [
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("description", self.description.as_ref().map(|text| json!(text))),
            ("assigned_user_id", self.assigned_user_id.map(|user| json!(user))),
            ("due_at", self.due_at.map(|due| json!(due))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Makes the group's task of this external id, or changes the one that is there. True: it was made.
pub async fn upsert(
    tx: &mut Tx,
    change: &Change<'_>,
    group: GroupId,
    incoming: &Incoming,
) -> Result<(TaskId, bool), ActionError> {
    check_name("external_id", &incoming.external_id, NAME_CHARS_MAX)?;
    // Of two requests that bring one unknown id at once, the second changes what the first has made.
    if !member::hold(tx, group).await? {
        return Err(StoreError::Contended("the group was removed".to_owned()).into());
    }
    let mut given = incoming.given();
    let known = lifecycle::by_external_id(tx, group, &incoming.external_id).await?;
    let Some(id) = known else {
        given.insert("external_id".to_owned(), json!(incoming.external_id));
        return Ok((lifecycle::create(tx, change, group, &given).await?.id, true));
    };
    let task = record::held::<Task>(tx, id).await?;
    let task = task.ok_or_else(|| StoreError::Contended(format!("{id} was removed")))?;
    lifecycle::update(tx, change, task, &given).await?;
    Ok((id, false))
}

/// Overlaps that are over: the old secrets let in no longer already; this deletes them.
pub(crate) async fn end_overlaps(upkeep: &Upkeep) -> Result<(), StoreError> {
    let now = upkeep.ambient.now();
    let system = upkeep.db.system();
    let over = system.read::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            let sql = "SELECT tenant, group_id FROM group_inbound WHERE previous_until <= $1 ORDER BY previous_until LIMIT 100";
            let rows = tx.query(sql, params![now]).await?;
            let row = |mut row: Row| Ok((TenantId(row.get::<UuidValue>(0)?), row.get::<GroupId>(1)?));
            rows.into_iter().map(row).collect::<Result<Vec<_>, StoreError>>()
        })
    });
    for (tenant, group) in over.await? {
        let store = upkeep.db.for_tenant(tenant);
        let job = store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                // A rotation since then has an overlap of its own.
                if member::hold(tx, group).await? && get(tx, group).await?.previous_until.is_some_and(|until| until <= now) {
                    end_rotation(tx, group, now).await?;
                }
                Ok(())
            })
        });
        job.await?;
    }
    Ok(())
}
