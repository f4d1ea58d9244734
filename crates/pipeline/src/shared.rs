//! What nodes share through Redis: nothing that may not be lost, and nothing that anybody waits for
//! long. While Redis is away, whoever asks hears so at once, and goes by what this process knows.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, ScriptInvocation};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// An answer that takes longer counts as none: somebody's request waits for it.
const PATIENCE: Duration = Duration::from_millis(500);
/// The connection is tried out so often, that it is known to be gone before somebody needs it.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection to Redis that comes back by itself.
pub struct Shared {
    client: Client,
    /// `None` while Redis is away.
    connection: RwLock<Option<MultiplexedConnection>>,
    /// Rung when somebody found it gone.
    lost: Notify,
}

/// `redis://` or `rediss://`, checked without connecting.
pub fn check_url(url: &str) -> Result<String, String> {
    let known = url.starts_with("redis://") || url.starts_with("rediss://");
    if !known || Client::open(url).is_err() {
        return Err("must be a URL like redis://user:password@host:6379/0, or rediss:// for TLS".to_owned());
    }
    Ok(url.to_owned())
}

impl Shared {
    pub fn new(url: &str) -> Result<Self, RedisError> {
        metrics::gauge!("hookswitch_redis_up").set(0.0);
        Ok(Self { client: Client::open(url)?, connection: RwLock::default(), lost: Notify::new() })
    }

    /// Keeps the connection, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let mut told = false;
        loop {
            match self.connect().await {
                Ok(connection) => {
                    tracing::info!("redis is there");
                    metrics::gauge!("hookswitch_redis_up").set(1.0);
                    self.set(Some(connection.clone()));
                    let error = self.watch(connection).await;
                    self.set(None);
                    metrics::gauge!("hookswitch_redis_up").set(0.0);
                    tracing::warn!(%error, "redis is away; each process goes by what it knows itself");
                    told = true;
                }
                Err(error) if !told => {
                    tracing::warn!(%error, "redis can't be reached; each process goes by what it knows itself");
                    told = true;
                }
                Err(_) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// A connection that answers.
    pub async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(PAUSE * 2)).set_response_timeout(Some(PATIENCE));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        ping(&mut connection).await?;
        Ok(connection)
    }

    /// Until it answers no more.
    async fn watch(&self, mut connection: MultiplexedConnection) -> RedisError {
        loop {
            let _ = timeout(PING_EVERY, self.lost.notified()).await;
            if let Err(error) = ping(&mut connection).await {
                return error;
            }
        }
    }

    fn set(&self, connection: Option<MultiplexedConnection>) {
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_up(&self) -> bool {
        self.connection().is_some()
    }

    /// What a script says, or `None`: Redis is away, or takes too long.
    pub async fn ask(&self, script: &ScriptInvocation<'_>) -> Option<i64> {
        let mut connection = self.connection()?;
        match script.invoke_async::<i64>(&mut connection).await {
            Ok(said) => Some(said),
            Err(error) => {
                tracing::debug!(%error, "redis did not answer a script");
                self.lost.notify_one();
                None
            }
        }
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    redis::cmd("PING").query_async(connection).await
}
