//! `admin`: tenants, accounts and tokens, straight in the database, for whoever owns the machine.
//! The trail names them `operator`.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use futures_util::future::BoxFuture;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::permission::{Permissions, scope};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::{PLATFORM, Slug};
use hookswitch_domain::time::Ambient;
use hookswitch_store::user::Change;
use hookswitch_store::{Db, installation, session, tenant, user};
use serde_json::json;

use super::grant::{self, Change as GrantChange};
use super::{Global, ambient, open_current, reseal};
use crate::api::problem::Problem;
use crate::identity::{self, Account, Grant};
use crate::password;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a tenant.
    CreateTenant {
        slug: String,
        #[arg(long)]
        name: String,
    },
    /// Make an account; prints a password unless one comes on standard input.
    CreateUser {
        #[command(flatten)]
        owner: Owner,
        #[arg(long)]
        email: String,
        #[arg(long)]
        role: String,
        /// What people call them (default: the email).
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give an account another password and end its sessions; prints it unless one comes on standard input.
    ResetPassword {
        #[arg(long)]
        email: String,
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make an API token; prints the token alone.
    CreateToken {
        #[command(flatten)]
        owner: Owner,
        #[arg(long)]
        role: String,
        #[arg(long)]
        name: String,
        /// Narrows the role: events:publish, destinations:write, ... (may be repeated)
        #[arg(long = "scope")]
        scopes: Vec<String>,
    },
    /// Rotate the envelope key.
    Reseal(reseal::Arguments),
    /// Stop sending, for every tenant or for one; accepting goes on.
    PauseSending {
        /// Only for this tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Send again.
    ResumeSending {
        /// Only for this tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Let a tenant name secret references under a prefix.
    GrantSecrets(grant::Arguments),
    /// Take such a prefix back.
    RevokeSecrets(grant::Arguments),
}

/// Whose account or token it is.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Owner {
    /// A tenant's, by its slug.
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// The platform's own: reaches every tenant.
    #[arg(long)]
    platform: bool,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = global.config()?;
    let db = open_current(&config).await?;
    let desk = Desk { db: db.clone(), ambient: ambient(), json: global.json };
    let done = match arguments.what {
        What::CreateTenant { slug, name } => desk.create_tenant(&slug, name).await,
        What::CreateUser { owner, email, role, name, password_stdin } => {
            desk.create_user(&owner, &email, role, name, password_stdin).await
        }
        What::ResetPassword { email, password_stdin } => desk.reset_password(&email, password_stdin).await,
        What::CreateToken { owner, role, name, scopes } => desk.create_token(&owner, role, name, scopes).await,
        What::PauseSending { tenant } => desk.set_sending(tenant, true).await,
        What::ResumeSending { tenant } => desk.set_sending(tenant, false).await,
        What::Reseal(arguments) => reseal::run(global, &config, &db, arguments).await,
        What::GrantSecrets(arguments) => grant::run(global, &config, &db, arguments, GrantChange::Grant).await,
        What::RevokeSecrets(arguments) => grant::run(global, &config, &db, arguments, GrantChange::Revoke).await,
    };
    db.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

struct Desk {
    db: Db,
    ambient: Arc<dyn Ambient>,
    json: bool,
}

impl Desk {
    async fn create_tenant(self, slug: &str, name: String) -> anyhow::Result<()> {
        let slug: Slug = slug.parse().context("SLUG")?;
        let made = identity::new_tenant(&self.db, self.ambient.clone(), Actor::Operator, slug, name).await.map_err(told)?;
        self.print(&json!({"id": made.id, "slug": made.slug, "name": made.name}), &made.id.to_string());
        Ok(())
    }

    async fn create_user(
        self,
        owner: &Owner,
        email: &str,
        role: String,
        name: Option<String>,
        stdin: bool,
    ) -> anyhow::Result<()> {
        let tenant = self.tenant(owner).await?;
        let email = identity::email(email).map_err(|what| anyhow::anyhow!("--email {what}"))?;
        let (password, shown) = self.password(stdin)?;
        let password_hash = Some(password::hash(password).await.map_err(told)?);
        let account = Account { name: name.unwrap_or_else(|| email.clone()), email, role, password_hash };
        let ambient = self.ambient.clone();
        let store = self.db.for_tenant(tenant);
        let job = store.write(move |tx| {
            Box::pin(async move { identity::create_user(tx, &*ambient, &Actor::Operator, Permissions::all(), &account).await })
        });
        let made = job.await.map_err(told)?;
        let data = json!({"id": made.id, "email": made.email, "role": made.role, "password": shown});
        self.print(&data, shown.as_deref().unwrap_or(&made.id.to_string()));
        Ok(())
    }

    async fn reset_password(self, email: &str, stdin: bool) -> anyhow::Result<()> {
        let email = identity::email(email).map_err(|what| anyhow::anyhow!("--email {what}"))?;
        let found = self.db.system().read(move |tx| Box::pin(async move { user::by_email(tx, &email).await })).await?;
        let (account, _) = found.context("no account has this email")?;
        let (password, shown) = self.password(stdin)?;
        let change = Change { password_hash: Some(password::hash(password).await.map_err(told)?), ..Change::default() };
        let (ambient, id) = (self.ambient.clone(), account.id);
        let store = self.db.for_tenant(account.tenant);
        let job = store.write(move |tx| {
            Box::pin(async move {
                user::update(tx, id, &change, ambient.now()).await?;
                session::delete_of_user(tx, id).await?;
                let detail = json!({"password": true});
                identity::note(tx, &*ambient, &Actor::Operator, "user.updated", id.to_string(), detail).await
            })
        });
        job.await?;
        self.print(&json!({"id": id, "password": shown}), shown.as_deref().unwrap_or("done"));
        Ok(())
    }

    async fn create_token(self, owner: &Owner, role: String, name: String, scopes: Vec<String>) -> anyhow::Result<()> {
        let tenant = self.tenant(owner).await?;
        for name in &scopes {
            scope(name).context("--scope")?;
        }
        let scopes = Some(scopes).filter(|scopes| !scopes.is_empty());
        let grant = Grant { name, role, scopes, expires_at: None };
        let ambient = self.ambient.clone();
        let store = self.db.for_tenant(tenant);
        let job = store.write(move |tx| {
            Box::pin(async move { identity::create_token(tx, &*ambient, &Actor::Operator, Permissions::all(), grant).await })
        });
        let (made, text) = job.await.map_err(told)?;
        self.print(&json!({"id": made.id, "token": text}), &text);
        Ok(())
    }

    async fn set_sending(self, slug: Option<String>, paused: bool) -> anyhow::Result<()> {
        let tenant = self.tenant(&Owner { tenant: slug.clone(), platform: slug.is_none() }).await?;
        let (ambient, of) = (self.ambient.clone(), slug.clone());
        let store = self.db.for_tenant(tenant);
        let job = store.write(move |tx| -> BoxFuture<'_, anyhow::Result<()>> {
            Box::pin(async move {
                let (action, target) = match (of, paused) {
                    (Some(slug), true) => ("sending.paused", slug),
                    (Some(slug), false) => ("sending.resumed", slug),
                    (None, true) => ("installation.paused", "installation".to_owned()),
                    (None, false) => ("installation.resumed", "installation".to_owned()),
                };
                if tenant == PLATFORM {
                    installation::set_sending_paused(tx, paused).await?;
                } else {
                    tenant::set_sending_paused(tx, paused).await?;
                }
                identity::note(tx, &*ambient, &Actor::Operator, action, target, json!({})).await?;
                Ok(())
            })
        });
        job.await?;
        let plain = if paused { "nothing is sent any more" } else { "sending again" };
        self.print(&json!({"tenant": slug, "sending_paused": paused}), plain);
        Ok(())
    }

    async fn tenant(&self, owner: &Owner) -> anyhow::Result<TenantId> {
        let Some(slug) = owner.tenant.clone() else { return Ok(PLATFORM) };
        let found = self.db.system().read(move |tx| Box::pin(async move { tenant::by_slug(tx, &slug).await })).await?;
        Ok(found.context("--tenant names no tenant; make it with hookswitch admin create-tenant")?.id)
    }

    /// From standard input, or a fresh one that is shown.
    fn password(&self, stdin: bool) -> anyhow::Result<(Secret, Option<String>)> {
        if !stdin {
            let text = generated_password(&*self.ambient);
            return Ok((Secret::from(text.as_str()), Some(text)));
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("reading the password")?;
        let secret = Secret::from(text.trim_end_matches(['\r', '\n']));
        password::check(&secret).map_err(|what| anyhow::anyhow!("the password {what}"))?;
        Ok((secret, None))
    }

    fn print(&self, data: &serde_json::Value, plain: &str) {
        match self.json {
            true => println!("{data}"),
            false => println!("{plain}"),
        }
    }
}

/// 120 random bits in letters and digits that can be read out.
pub fn generated_password(ambient: &dyn Ambient) -> String {
    data_encoding::BASE32_NOPAD.encode(&ambient.random::<15>()).to_lowercase()
}

fn told(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!(problem.cause.unwrap_or(problem.detail))
}
