//! `demo`: everything on, on this machine alone. The first start makes tenants, people, a test
//! endpoint's destinations and traffic; later ones keep the data.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use clap::Args;
use data_encoding::HEXLOWER;
use hookswitch_domain::signature::hmac_sha256;
use hookswitch_pipeline::sandbox::SandboxConfig;
use hookswitch_store::{tenant, user};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serve::{prepare, wait_for_signal};
use crate::api::problem::Problem;
use crate::api::{self, Surface, session};
use crate::app::App;
use crate::config::{Config, Source};
use crate::demo::{self, Endpoint, Inside, Keepsake, SIGNATURE_HEADER, WEBHOOK};
use crate::{serve, telemetry};

const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);

#[derive(Args)]
pub struct Arguments {
    /// Where the database, the master key and the passwords are kept.
    #[arg(long, default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Console and API.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The test endpoint, the only private address that destinations may name.
    #[arg(long, default_value = "127.0.0.1:9099", value_name = "ADDRESS")]
    receiver: SocketAddr,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { data, listen, receiver } = arguments;
    anyhow::ensure!(listen.ip().is_loopback() && receiver.ip().is_loopback(), "the demo listens on loopback addresses alone");
    let taken =
        |address| format!("{address} is taken: end what listens there, or name another address with --listen or --receiver");
    let listener = TcpListener::bind(listen).await.with_context(|| taken(listen))?;
    let endpoint_listener = TcpListener::bind(receiver).await.with_context(|| taken(receiver))?;
    let (listen, receiver) = (listener.local_addr()?, endpoint_listener.local_addr()?);
    let config = Arc::new(configuration(&data, listen, receiver)?);
    telemetry::start_log(&config.telemetry);
    let db = super::open(&config).await?;
    prepare(&db, true).await?;
    let _presence = db.begin_sending().await?;
    let app = Arc::new(App::start(db, super::ambient(), config.clone(), SandboxConfig::this_binary()?, true).await?);
    let router = api::router(&app, Surface::ALL)?;
    let stop = CancellationToken::new();
    tokio::spawn(wait_for_signal(app.clone(), stop.clone())?);

    let endpoint = Endpoint::new(app.ambient.clone(), receiver);
    app.test_endpoint.set(endpoint.clone()).ok();
    let served = tokio::spawn(demo::serve_endpoint(endpoint_listener, endpoint.clone(), stop.clone()));
    app.engine.start();
    let known = Keepsake::load(&data)?;
    let first = known.is_none();
    let keepsake = match known {
        Some(keepsake) => keepsake,
        None => {
            let made = demo::seed(&app, &router, receiver).await?;
            made.save(&data)?;
            made
        }
    };
    endpoint.learn(&keepsake);
    let callers = keepsake.0.values().map(|tenant| Inside { router: router.clone(), token: tenant.token.clone() }).collect();
    tokio::spawn(demo::run_traffic(callers, app.ambient.clone(), first, stop.clone()));
    let portal = portal_link(&keepsake, &router).await?;
    tell(&app, &keepsake, &data, listen, receiver, &portal).await?;

    serve::serve(listener, router, serve::Limits::of(&config), stop).await;
    app.engine.stop().await;
    app.db.close().await;
    served.await.ok();
    Ok(ExitCode::SUCCESS)
}

/// The demo has a configuration of its own: what lies in hookswitch.toml is for `serve`.
fn configuration(data: &Path, listen: SocketAddr, receiver: SocketAddr) -> anyhow::Result<Config> {
    let mut source = Source::default();
    let network = if receiver.is_ipv4() { 32 } else { 128 };
    let allowed = match receiver.ip() {
        std::net::IpAddr::V4(address) => format!("{address}/{network}:{}", receiver.port()),
        std::net::IpAddr::V6(address) => format!("[{address}]/{network}:{}", receiver.port()),
    };
    source
        .set("environment", "local")
        .set("listen", listen.to_string())
        .set("database.url", format!("sqlite://{}", data.join("hookswitch.db").display()))
        .set("secrets.master_key_file", data.join("master.key").display().to_string())
        .set("egress.allow_cidrs", serde_json::json!([allowed]).to_string())
        .set("egress.require_https", "false")
        // The test endpoint stands for a host who shows the portal among its own pages.
        .set("portal.frame_ancestors", serde_json::json!([format!("http://{receiver}")]).to_string())
        .set("telemetry.log", std::env::var("HOOKSWITCH_TELEMETRY__LOG").unwrap_or_else(|_| "warn".to_owned()))
        .set("telemetry.log_format", "text");
    Ok(Config::from_source(source)?)
}

/// What a customer of acme's would be sent.
async fn portal_link(keepsake: &Keepsake, router: &Router) -> anyhow::Result<String> {
    let token = keepsake.0.get("acme").context("the demo's passwords name no tenant acme")?.token.clone();
    let look = serde_json::json!({ "look": { "accent": "#7a3e9d", "logo_text": "Acme Manufacturing" } });
    let made = Inside { router: router.clone(), token }.post("/api/v1/portal-sessions", &look).await?;
    Ok(made["url"].as_str().context("a link without its address")?.to_owned())
}

async fn tell(
    app: &Arc<App>,
    keepsake: &Keepsake,
    data: &Path,
    listen: SocketAddr,
    receiver: SocketAddr,
    portal: &str,
) -> anyhow::Result<()> {
    let acme = keepsake.0.get("acme").context("the demo's passwords name no tenant acme")?;
    let link = sign_in_link(app, &acme.tenant_admin.email).await?;
    let auth = format!("-H 'Authorization: Bearer {}' -H 'Content-Type: application/json'", acme.token);
    let alert = r#"{"alert":{"id":"alert-1001","message":"Disk almost full","severity":"high","seen_at":"2026-01-31T12:00:00Z","device":{"name":"SRV-01","site":"Berlin"}}}"#;
    let signature = HEXLOWER.encode(&hmac_sha256(acme.inbound_secret.as_bytes(), [alert.as_bytes()]));
    println!(
        "\nHookswitch is running. Ctrl-C ends it; the data stays in {data}.\n\n\
         Sign in (once, within an hour):  http://{listen}/signin?token={link}\n\
         Passwords and tokens:            {passwords}\n\
         API documentation:               http://{listen}/api/docs\n\
         Test endpoint:                   http://{receiver}/\n\
         Customer portal (once, now):     {portal}\n\n\
         1. Publish an event; it arrives at the test endpoint, signed:\n\n   \
         curl {auth} http://{listen}/api/v1/events -d '{{\"event_type\":\"order.created\",\"payload\":{{\"order\":\"SO-1\"}}}}'\n\n\
         2. Send a signed alert in; it becomes a ticket (twice gives no second one):\n\n   \
         curl -H '{SIGNATURE_HEADER}: {signature}' -H 'Content-Type: application/json' http://{listen}/api/inbound/acme/{WEBHOOK} -d '{alert}'\n\n\
         3. Try to reach the inside; it is refused:\n\n   \
         curl {auth} http://{listen}/api/v1/integrations/destinations -d '{{\"name\":\"Metadata\",\"endpoint_url\":\"http://169.254.169.254/latest/meta-data/\"}}'\n",
        data = data.display(),
        passwords = data.join(demo::FILE).display(),
    );
    Ok(())
}

async fn sign_in_link(app: &Arc<App>, email: &str) -> anyhow::Result<String> {
    let (ambient, email) = (app.ambient.clone(), email.to_owned());
    let system = app.db.system();
    let found = system
        .read::<_, Problem, _>(|tx| Box::pin(async move { tenant::by_slug(tx, "acme").await?.ok_or_else(Problem::not_found) }));
    let gone = |problem: Problem| anyhow::anyhow!("{}", problem.detail);
    let store = app.db.for_tenant(found.await.map_err(gone)?.id);
    let link = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let (account, _) = user::by_email(tx, &email).await?.ok_or_else(Problem::not_found)?;
            session::make_link(tx, &*ambient, account.id, LINK_LIFETIME).await
        })
    });
    link.await.map_err(gone)
}
