//! The bare handler: the least that an honest inbound server on the product's own HTTP libraries must do.
//! It takes a request, stores its body in one durable insert through the product's group committer and
//! answers; it verifies, parses and logs nothing. What inbound requests cost above it is what they are for.
//!
//! This, the sandbox's throughput and the filling of databases are what the benchmark links product code for.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{any, get};
use bytes::Bytes;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::ambient::System;
use hookswitch_store::{Db, Settings, StoreError, TenantStore, Value, params};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use uuid::Uuid;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    listen: SocketAddr,
    /// sqlite://path or postgres://...
    #[arg(long)]
    database: String,
}

struct Bare {
    store: TenantStore,
    ambient: Arc<dyn Ambient>,
}

pub fn run(options: Options) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let ambient: Arc<dyn Ambient> = Arc::new(System);
    let db = Db::open(&Settings::new(options.database), ambient.clone()).await?;
    let tenant: TenantId = ambient.fresh();
    let store = db.for_tenant(tenant);
    make_table(&store).await?;
    let listener = TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
    let bare = Arc::new(Bare { store, ambient });
    let router = Router::new().route("/readyz", get(|| async { "ready" })).fallback(any(insert)).with_state(bare);
    let http = hyper::server::conn::http1::Builder::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            // A sender that hangs up is no event worth a line.
            let _ = connection.await;
        });
    }
}

async fn make_table(store: &TenantStore) -> Result<(), StoreError> {
    let job = store.write(|tx| {
        Box::pin(async move {
            let (id, bytes) = if tx.is_sqlite() { ("BLOB", "BLOB") } else { ("UUID", "BYTEA") };
            let sql = format!(
                "CREATE TABLE bare (id {id} NOT NULL, tenant {id} NOT NULL, at BIGINT NOT NULL, body {bytes} NOT NULL, PRIMARY KEY (id, tenant))"
            );
            tx.execute(&sql, &[]).await
        })
    });
    job.await.map(drop)
}

async fn insert(State(bare): State<Arc<Bare>>, body: Bytes) -> (StatusCode, String) {
    let (id, now): (Uuid, _) = (bare.ambient.fresh(), bare.ambient.now());
    let stored = bare.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant();
            let body: Vec<u8> = body.into();
            tx.execute(
                "INSERT INTO bare (id, tenant, at, body) VALUES ($1, $2, $3, $4)",
                params![id, tenant, now, Value::Bytes(body)],
            )
            .await
        })
    });
    match stored.await {
        Ok(_) => (StatusCode::OK, format!("{{\"id\":\"{id}\"}}")),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
