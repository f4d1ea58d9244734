//! A tenant with a seeded desk, and the action as an inbound webhook runs it.

use std::sync::Arc;

use hookswitch_desk::board::{Board, Status};
use hookswitch_desk::change::Change;
use hookswitch_desk::id::{BoardId, StatusId, TicketId};
use hookswitch_desk::record::{self, Entity, Filters, Record};
use hookswitch_desk::ticket::{self, NewTicket, Ticket};
use hookswitch_domain::audit::Actor;
use hookswitch_domain::egress::Rules;
use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Done, Registry};
use hookswitch_pipeline::outbound::configs::Configs;
use hookswitch_pipeline::outbound::lanes::Lanes;
use hookswitch_pipeline::outbound::publish::Publisher;
use hookswitch_pipeline::secrets::{MasterKey, Secrets};
use hookswitch_store::{Component, Db, Page, Row, STORE, StoreError, Tx, TxFuture, Value, params};
use serde_json::json;

use crate::engines::{Engine, TestAmbient, ambient, sql};

pub const COMPONENTS: &[Component] = &[STORE, hookswitch_desk::COMPONENT];
pub const WEBHOOK: &str = "alerts";

/// A publisher of a node without workers.
pub fn publisher(db: &Db) -> Publisher {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::load_or_create(&folder.path().join("master.key"), true, &TestAmbient).unwrap();
    let secrets = Secrets::new(Arc::new(master), true);
    let configs = Configs::new(db.clone(), secrets, Rules { allow: Vec::new(), require_https: false });
    Publisher::new(db.clone(), ambient(), Arc::new(configs), Lanes::default(), None)
}

/// One tenant of an engine.
#[derive(Clone)]
pub struct Desk {
    pub publisher: Publisher,
    db: Db,
    pub tenant: TenantId,
}

pub async fn desk(engine: &Engine) -> Desk {
    let tenant: TenantId = ambient().fresh();
    let slug = tenant.to_string().replace('_', "-");
    let insert = "INSERT INTO tenant (id, slug, name, created_at) VALUES ($1, $2, 'A tenant', 0)";
    sql(&engine.db, tenant, insert, params![tenant, slug]).await;
    let desk = Desk { db: engine.db.clone(), tenant, publisher: publisher(&engine.db) };
    desk.write(|tx| Box::pin(hookswitch_desk::seed_tenant(tx, &TestAmbient))).await.unwrap();
    desk
}

impl Desk {
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> TxFuture<'t, T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.db.for_tenant(self.tenant).write(job).await
    }

    pub async fn sql(&self, text: &str, params: &[Value]) -> Vec<Row> {
        sql(&self.db, self.tenant, text, params).await
    }

    pub async fn count(&self, table: &str) -> i64 {
        let text = format!("SELECT count(*) FROM {table} WHERE tenant = $1");
        self.sql(&text, params![self.tenant]).await.remove(0).get(0).unwrap()
    }

    /// What an inbound webhook that makes tickets does with these mapped fields.
    pub async fn act(&self, input: serde_json::Value) -> Result<Done, ActionError> {
        self.act_at_depth(0, input).await
    }

    pub async fn act_at_depth(&self, depth: u8, input: serde_json::Value) -> Result<Done, ActionError> {
        self.run("createTicket", depth, input).await
    }

    /// Any action of the desk's.
    pub async fn run(&self, action: &'static str, depth: u8, input: serde_json::Value) -> Result<Done, ActionError> {
        let mut registry = Registry::default();
        hookswitch_desk::register(&mut registry).unwrap();
        self.run_of(&registry, action, depth, input).await
    }

    /// Any action of this registry's.
    pub async fn run_of(
        &self,
        registry: &Registry,
        action: &'static str,
        depth: u8,
        input: serde_json::Value,
    ) -> Result<Done, ActionError> {
        let serde_json::Value::Object(input) = input else { panic!("fields are an object") };
        let registry = registry.clone();
        let delivery: InboundDeliveryId = ambient().fresh();
        let publisher = self.publisher.clone();
        self.write(move |tx| {
            Box::pin(async move {
                let context = Context { ambient: &TestAmbient, publisher: &publisher, integration: WEBHOOK, delivery, depth };
                registry.get(action).unwrap().run(tx, &input, &context).await
            })
        })
        .await
    }

    /// What a person does.
    pub async fn create(&self, asked: NewTicket) -> Result<Ticket, ActionError> {
        let publisher = self.publisher.clone();
        self.write(move |tx| {
            Box::pin(async move {
                let change = Change::by(Actor::User(ambient().fresh()), &TestAmbient, &publisher);
                ticket::create(tx, &change, asked).await
            })
        })
        .await
    }

    pub async fn ticket(&self, id: TicketId) -> Option<Ticket> {
        self.write(move |tx| Box::pin(async move { ticket::get(tx, id).await })).await.unwrap()
    }

    pub async fn made(&self, done: &Done) -> Ticket {
        self.ticket(done.entity_id.parse().unwrap()).await.unwrap()
    }

    pub async fn list(&self, filter: ticket::Filter, page: Page) -> Vec<Ticket> {
        let listed = self.write(move |tx| Box::pin(async move { ticket::list(tx, &filter, &page).await }));
        listed.await.unwrap()
    }

    /// Another board of the tenant, with a closed default status.
    pub async fn second_board(&self) -> (BoardId, StatusId) {
        let made = self.write(move |tx| {
            Box::pin(async move {
                let second = Board { board_name: "Second".to_owned(), display_order: 2, ..Board::default() };
                let board_id = record::plant(tx, &TestAmbient, second).await?;
                let (name, order_number) = ("Done".to_owned(), 1);
                let done = Status { board_id, name, is_closed: true, is_default: true, order_number, color: None };
                Ok::<_, StoreError>((board_id, record::plant(tx, &TestAmbient, done).await?))
            })
        });
        made.await.unwrap()
    }

    pub async fn statuses(&self) -> Vec<Record<Status>> {
        self.records().await
    }

    /// All records of one kind, newest first.
    pub async fn records<E: Entity>(&self) -> Vec<Record<E>> {
        let listed = self.write(|tx| Box::pin(async move { record::store::list(tx, &Filters::default(), &all()).await }));
        listed.await.unwrap()
    }

    /// The types of the tenant's events.
    pub async fn events(&self) -> Vec<String> {
        let rows = self.sql("SELECT type FROM event WHERE tenant = $1 ORDER BY type", params![self.tenant]).await;
        rows.into_iter().map(|mut row| row.get(0).unwrap()).collect()
    }
}

pub fn all() -> Page {
    Page::first(100)
}

pub fn titled(title: &str) -> NewTicket {
    NewTicket { title: title.to_owned(), ..NewTicket::default() }
}

/// The field that an error names.
pub fn field<T: std::fmt::Debug>(result: Result<T, ActionError>) -> String {
    match result {
        Err(ActionError::Invalid { field, .. }) => field,
        other => panic!("expected an invalid field, got {other:?}"),
    }
}

pub fn result_of(done: &Done) -> (String, i64) {
    let number = done.more.get("ticket_number").and_then(serde_json::Value::as_i64);
    (done.result.clone(), number.unwrap_or_else(|| panic!("{}", json!(done))))
}
