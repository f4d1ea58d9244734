//! A week of a service desk, made up: clients with their people and devices, tickets that came in, were worked
//! on and closed, time that was booked, alerts, invoices, a project. It goes through the desk's own rules, at
//! moments of the past, in one transaction, before anybody is told of anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hookswitch_desk::asset::Snapshot;
use hookswitch_desk::asset::ingest::{Ingested, ingest};
use hookswitch_desk::board::{Priority, Status};
use hookswitch_desk::client::Client;
use hookswitch_desk::contact::Contact;
use hookswitch_desk::evidence::Evidence;
use hookswitch_desk::id::{AssetId, ClientId, ContactId, PriorityId, StatusId};
use hookswitch_desk::invoice::Invoice;
use hookswitch_desk::location::Location;
use hookswitch_desk::project::{Project, ProjectTask};
use hookswitch_desk::record::{self, Entity, Filters, Record};
use hookswitch_desk::service::Service;
use hookswitch_desk::tag::{self, Tag, TaggedType};
use hookswitch_desk::team::Team;
use hookswitch_desk::ticket::{self, NewComment, NewTicket};
use hookswitch_desk::time::TimeEntry;
use hookswitch_desk::{Change, alert};
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::{TenantId, UserId};
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, Tx};
use serde_json::{Map, Value, json};

use crate::api::problem::Problem;
use crate::app::App;

const HOUR: Duration = Duration::from_secs(60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const TICKETS: usize = 42;

const CLIENTS: [(&str, &str, &str); 6] = [
    ("Northwind Logistics", "Hamburg", "northwind"),
    ("Bright Dental", "Leipzig", "bright-dental"),
    ("Kessler & Sons", "Bremen", "kessler"),
    ("Lakeside School", "Konstanz", "lakeside"),
    ("Orbit Coffee", "Berlin", "orbit-coffee"),
    ("Harbour Clinic", "Kiel", "harbour-clinic"),
];
const PEOPLE: [&str; 12] = [
    "Mara Lindt",
    "Tom Okafor",
    "Ines Roth",
    "Paul Berger",
    "Yuki Sato",
    "Lena Vogt",
    "Omar Haddad",
    "Nina Krause",
    "Ben Adler",
    "Sofia Marino",
    "Jan Petersen",
    "Ada Wolff",
];
const TROUBLES: [(&str, &str); 12] = [
    ("Disk almost full", "Less than 5 % are left on the system volume."),
    ("Backup failed twice", "The nightly job ended with a timeout while it wrote to the remote store."),
    ("Can't print", "The printer on the second floor takes jobs and prints none of them."),
    ("Mail arrives late", "Messages from outside take up to half an hour since this morning."),
    ("New colleague starts on Monday", "Needs an account, a notebook and access to the shared folders."),
    ("Certificate expires in ten days", "The one of the customer portal."),
    ("VPN drops every hour", "Only at home, on two notebooks."),
    ("Agent is offline", "Not heard of for two days."),
    ("Password reset", "Locked out after the holiday."),
    ("Slow files", "Opening documents from the share takes a minute."),
    ("Updates pending for weeks", "More than twenty, some of them critical."),
    ("Telephone without dial tone", "The one at the reception."),
];
const ALERTS: [(&str, &str, &str, bool); 6] = [
    ("Sign-in from two countries within an hour", "high", "identity", true),
    ("Disk will be full in three days", "medium", "monitoring", false),
    ("Malware blocked", "critical", "endpoint protection", true),
    ("Backup older than 48 h", "high", "monitoring", false),
    ("Ten failed sign-ins", "low", "identity", true),
    ("Temperature in the server room", "info", "sensors", false),
];

/// The moment that the week's clock stands at; randomness is the process's.
pub(super) struct Clock {
    now: AtomicI64,
    real: Arc<dyn Ambient>,
}

impl Clock {
    pub(super) fn at(moment: Timestamp, real: Arc<dyn Ambient>) -> Self {
        Self { now: AtomicI64::new(moment.millis()), real }
    }

    pub(super) fn set(&self, at: Timestamp) {
        self.now.store(at.millis(), Ordering::Relaxed);
    }
}

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.real.fill(bytes);
    }
}

/// Fills a tenant's desk; `operator` did most of it.
pub async fn fill(app: &Arc<App>, tenant: TenantId, operator: UserId) -> Result<(), Problem> {
    let (publisher, real) = (app.engine.publisher.clone(), app.ambient.clone());
    let store = app.db.for_tenant(tenant);
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let begin = real.now().minus(WEEK);
            let clock = Clock::at(begin, real);
            let change = Change::by(Actor::User(operator), &clock, &publisher);
            let desk = furnish(tx, &change).await?;
            for number in 0..TICKETS {
                clock.set(begin.plus(WEEK * number as u32 / TICKETS as u32));
                work(tx, &change, &desk, operator, number, &clock).await?;
            }
            for (number, what) in ALERTS.iter().enumerate() {
                clock.set(begin.plus(WEEK * (number as u32 + 1) / (ALERTS.len() as u32 + 1)));
                raise(tx, &change, operator, number, what).await?;
            }
            Ok(())
        })
    });
    job.await
}

/// What the tickets refer to.
struct Desk {
    clients: Vec<(ClientId, ContactId, Vec<AssetId>)>,
    statuses: Vec<Record<Status>>,
    priorities: Vec<PriorityId>,
    service: Value,
}

async fn furnish(tx: &mut Tx, change: &Change<'_>) -> Result<Desk, ActionError> {
    make::<Team>(tx, change, json!({"team_name": "First level"})).await?;
    make::<Team>(tx, change, json!({"team_name": "Networks", "description": "Whatever has a cable or an antenna"})).await?;
    let mut clients = Vec::new();
    for (number, (name, city, slug)) in CLIENTS.iter().enumerate() {
        clients.push(client(tx, change, number, name, city, slug).await?);
    }
    let project =
        make::<Project>(tx, change, json!({"project_name": "New office", "client_id": clients[0].0, "status": "active"})).await?;
    for task in ["Order the line", "Pull the cables", "Set up the access points", "Move the telephones"] {
        make::<ProjectTask>(tx, change, json!({"project_id": project.id, "task_name": task, "estimated_hours": 6})).await?;
    }
    let mut statuses: Vec<Record<Status>> = all(tx).await?;
    statuses.sort_by_key(|status| status.fields.order_number);
    let priorities = all::<Priority>(tx).await?.iter().map(|priority| priority.id).collect();
    let service = all::<Service>(tx).await?.first().map_or(Value::Null, |service| json!(service.id));
    Ok(Desk { clients, statuses, priorities, service })
}

async fn client(
    tx: &mut Tx,
    change: &Change<'_>,
    number: usize,
    name: &str,
    city: &str,
    slug: &str,
) -> Result<(ClientId, ContactId, Vec<AssetId>), ActionError> {
    let site = format!("https://{slug}.example");
    let made = make::<Client>(
        tx,
        change,
        json!({"client_name": name, "city": city, "url": site, "properties": {"seats": 8 + 7 * number}}),
    )
    .await?;
    let client_id = made.id;
    make::<Location>(tx, change, json!({"client_id": client_id, "name": "Head office", "city": city, "is_default": true}))
        .await?;
    let mut first = None;
    for person in PEOPLE.iter().skip(number * 2).take(2) {
        let mail = format!("{}@{slug}.example", person.to_lowercase().replace(' ', "."));
        let contact = make::<Contact>(tx, change, json!({"full_name": person, "email": mail, "client_id": client_id})).await?;
        first.get_or_insert(contact.id);
    }
    let mut assets = Vec::new();
    for device in 0..3 {
        assets.extend(device_of(tx, change, client_id, number * 3 + device).await?);
    }
    let (amount, status) = (19_900 + 7_300 * number as i64, ["paid", "sent", "overdue"][number % 3]);
    let lines =
        json!([{"description": "Care of the network, one month", "quantity": 1, "unit_price": amount, "total_price": amount}]);
    let bill = json!({"client_id": client_id, "subtotal": amount, "total_amount": amount, "status": status, "charges": lines});
    make::<Invoice>(tx, change, bill).await?;
    let contact = first.ok_or_else(|| hookswitch_store::StoreError::Bug("a client without people".to_owned()))?;
    Ok((client_id, contact, assets))
}

/// As a management product reports it.
async fn device_of(tx: &mut Tx, change: &Change<'_>, client: ClientId, number: usize) -> Result<Option<AssetId>, ActionError> {
    let (kind, prefix) = [("server", "SRV"), ("workstation", "WS"), ("network_device", "SW")][number % 3];
    let free = 4 + (number * 37) % 300;
    let report = json!({
        "provider": "tacticalrmm", "externalDeviceId": format!("agent-{number:03}"), "assetType": kind,
        "displayName": format!("{prefix}-{:02}", number + 1), "serialNumber": format!("C02{:05}", 10_007 * (number + 3) % 99_999),
        "agentStatus": if number % 7 == 5 { "offline" } else { "online" }, "lastSeenAt": change.ambient.now().to_string(),
        "extension": {
            "osType": if kind == "workstation" { "windows" } else { "linux" }, "cpuCores": 4 + 4 * (number % 3), "ramGb": 16,
            "pendingPatches": number % 5, "diskUsage": [{"name": "/", "total_gb": 480, "free_gb": free}],
        },
    });
    let snapshot = Snapshot::read("device", &report)?;
    Ok(match ingest(tx, change, &snapshot, Some(client)).await? {
        Ingested::Created(asset) | Ingested::Updated(asset) | Ingested::Unchanged(asset) | Ingested::MarkedDeleted(asset) => {
            Some(asset.id)
        }
        Ingested::Skipped { .. } => None,
    })
}

/// A ticket, and what became of it since.
async fn work(
    tx: &mut Tx,
    change: &Change<'_>,
    desk: &Desk,
    operator: UserId,
    number: usize,
    clock: &Clock,
) -> Result<(), ActionError> {
    let (client_id, contact, assets) = &desk.clients[number * 5 % desk.clients.len()];
    let (title, description) = TROUBLES[number % TROUBLES.len()];
    let asset_id = assets.get(number % 4).copied();
    let asked = NewTicket {
        title: title.to_owned(),
        description: Some(description.to_owned()),
        client_id: Some(*client_id),
        contact_id: Some(*contact),
        priority_id: desk.priorities.get(number * 3 % desk.priorities.len()).copied(),
        asset_id,
        ..NewTicket::default()
    };
    let made = ticket::create(tx, change, asked).await?;
    if number % 9 == 4 {
        let tag = Tag { tag_text: "vip".to_owned(), tagged_type: TaggedType::Ticket, background_color: None, text_color: None };
        tag::put_on(tx, change, tag, made.id.uuid()).await?;
    }
    // The newest wait still; most of the older ones are done with.
    let age = TICKETS - number;
    if age < 5 {
        return Ok(());
    }
    clock.set(clock.now().plus(HOUR));
    let given = Map::from_iter([("assigned_to".to_owned(), json!(operator)), ("status_id".to_owned(), json!(status(desk, 1)))]);
    ticket::change(tx, change, made.id, &given, None).await?;
    ticket::comment(tx, change, &made, "note", NewComment::internal("Looked at it; the cause is known.")).await?;
    book(tx, change, desk, operator, &made.id.to_string(), 15 + 10 * (number as i64 % 6)).await?;
    if age < 12 || number.is_multiple_of(5) {
        return Ok(());
    }
    clock.set(clock.now().plus(HOUR * (1 + number as u32 % 5)));
    let solved =
        NewComment { is_internal: false, is_resolution: true, ..NewComment::internal("Done, and checked with the client.") };
    ticket::comment(tx, change, &made, "note", solved).await?;
    let last = status(desk, desk.statuses.len() - 1);
    ticket::change(tx, change, made.id, &Map::from_iter([("status_id".to_owned(), json!(last))]), None).await?;
    Ok(())
}

fn status(desk: &Desk, place: usize) -> Option<StatusId> {
    desk.statuses.get(place).map(|status| status.id)
}

async fn book(
    tx: &mut Tx,
    change: &Change<'_>,
    desk: &Desk,
    user: UserId,
    ticket: &str,
    minutes: i64,
) -> Result<(), ActionError> {
    let entry = json!({
        "user_id": user, "work_item_type": "ticket", "work_item_id": ticket, "service_id": desk.service,
        "start_time": change.ambient.now().to_string(), "duration_minutes": minutes,
    });
    match make::<TimeEntry>(tx, change, entry).await {
        // The week may begin before the first period does.
        Ok(_) | Err(ActionError::Rule { code: "no_time_period", .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn raise(
    tx: &mut Tx,
    change: &Change<'_>,
    operator: UserId,
    number: usize,
    (title, severity, source, is_security): &(&str, &str, &str, bool),
) -> Result<(), ActionError> {
    let body = json!({"title": title, "severity": severity, "source": source, "is_security": is_security});
    let raised = make::<alert::Alert>(tx, change, body).await?;
    if number < 4 {
        alert::handle(tx, change, raised.id, alert::Handling::Acknowledge).await?;
        alert::handle(tx, change, raised.id, alert::Handling::AssignTo(operator)).await?;
    }
    if number == 2 {
        let ticket = alert::to_ticket(tx, change, raised.id).await?.map(|(ticket, _)| ticket.id);
        let hash = "5f".repeat(32);
        let shown = json!({"name": "Quarantined file", "kind": "file", "hash": hash, "alert_id": raised.id, "ticket_id": ticket});
        make::<Evidence>(tx, change, shown).await?;
    }
    if number == 0 {
        alert::handle(tx, change, raised.id, alert::Handling::Resolve).await?;
    }
    Ok(())
}

async fn make<E: Entity>(tx: &mut Tx, change: &Change<'_>, given: Value) -> Result<Record<E>, ActionError> {
    let Value::Object(given) = given else {
        return Err(hookswitch_store::StoreError::Bug("fields are an object".to_owned()).into());
    };
    record::create(tx, change, &given).await
}

async fn all<E: Entity>(tx: &mut Tx) -> Result<Vec<Record<E>>, ActionError> {
    Ok(record::store::list(tx, &Filters::default(), &Page::first(100)).await?)
}
