//! JSONata where it can do no harm. An expression that a tenant wrote, over input that a stranger sent, may
//! run without end, fill the memory or overflow the stack; some of that ends a process, and no limit inside
//! the library helps. So it is evaluated in worker processes of our own binary (`hookswitch sandbox-worker`)
//! that hold nothing, can open nothing and may be killed at any moment.
//!
//! * **worker**: one process, one request at a time ([`run_worker`])
//! * **request**: one input, parsed once, and the expressions over it
//! * **lost**: a worker that hung or died. Its request is taken apart and each expression tried alone, so
//!   that the guilty one alone gets the error; one that was lost twice is quarantined
//! * **suspect**: a tenant that held a worker for long lately; it can't hold all of them
//!
//! Nothing here panics on what a worker or an expression does; each expression has a value, nothing, or an
//! [`ExpressionError`].

mod cache;
mod child;
mod fair;
mod pool;
mod protocol;
mod quarantine;
mod syntax;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hookswitch_domain::mapping::EXPRESSION_BYTES_MAX;
use serde_json::Value;
use uuid::Uuid;

use self::child::Lost;
use self::pool::Pool;
use self::protocol::{Mode, Outcome, Reply, Request};
use self::quarantine::Quarantine;

pub use self::worker::run_worker;
pub use hookswitch_domain::mapping::ExpressionError;

/// The argument that makes the binary a worker.
pub const WORKER_COMMAND: &str = "sandbox-worker";

/// What the way to a worker and back may take on a busy machine, on top of twice the time limit.
const GRACE: Duration = Duration::from_millis(250);
/// As little as a mapping's field has, so that what could be saved is compiled in time in every new worker.
const COMPILE_LIMIT_MS: u32 = 25;
const LIMIT_MS_MAX: u32 = 10_000;
const EXPRESSIONS_MAX: usize = 256;
/// Well above what a request may carry, and with the expressions well below a frame.
const INPUT_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone)]
pub struct SandboxConfig {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub workers: usize,
    pub idle_shutdown: Duration,
}

impl SandboxConfig {
    /// This very binary as the worker.
    pub fn this_binary() -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            args: vec![WORKER_COMMAND.into()],
            workers: 2,
            idle_shutdown: Duration::from_secs(60),
        })
    }
}

/// One expression of a request.
#[derive(Debug, Clone, Copy)]
pub struct Expr<'a> {
    pub id: &'a str,
    pub text: &'a str,
    pub limit_ms: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    pub id: String,
    /// None is JSONata's undefined.
    pub result: Result<Option<Value>, ExpressionError>,
}

/// No expression's fault, but the input's or ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    #[error("too many evaluations are waiting; try again in a moment")]
    Busy,
    #[error("no sandbox worker could be started: {0}")]
    Unavailable(String),
    #[error("the input is no JSON document that can be worked on: {0}")]
    Input(String),
}

#[derive(Debug, Clone)]
pub struct Sandbox {
    pool: Arc<Pool>,
    quarantine: Arc<Mutex<Quarantine>>,
}

type Answer = Result<Option<Value>, ExpressionError>;

impl Sandbox {
    /// Starts nothing yet.
    pub fn new(config: SandboxConfig) -> Self {
        Self { pool: Pool::new(config), quarantine: Arc::default() }
    }

    /// All expressions over one input (JSON text), in one round trip; the results in the same order.
    pub async fn evaluate(&self, tenant: Uuid, input: &[u8], expressions: &[Expr<'_>]) -> Result<Vec<Evaluated>, SandboxError> {
        if input.len() > INPUT_BYTES_MAX {
            return Err(SandboxError::Input(format!("it is larger than {} MiB", INPUT_BYTES_MAX / 1024 / 1024)));
        }
        let refused: Vec<_> =
            (expressions.iter().enumerate()).map(|(place, expression)| self.refusal(tenant, expression.text, place)).collect();
        let admitted = expressions.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
        let admitted: Vec<(&str, u32)> =
            admitted.map(|(expression, _)| (expression.text, expression.limit_ms.clamp(1, LIMIT_MS_MAX))).collect();
        let mut answers = self.run(tenant, Mode::Evaluate, input, &admitted).await?.into_iter();
        let results = refused.into_iter().map(|refused| match refused {
            Some(error) => Err(error),
            None => answers.next().unwrap_or_else(|| Err(lost_error(Lost::Died))),
        });
        Ok(expressions
            .iter()
            .zip(results)
            .map(|(expression, result)| Evaluated { id: expression.id.to_owned(), result })
            .collect())
    }

    /// Whether the text is an expression at all. The outer error: nobody could tell.
    pub async fn check(&self, text: &str) -> Result<Result<(), ExpressionError>, SandboxError> {
        // Saving configuration is rare: all tenants' checks wait in one queue.
        let tenant = Uuid::nil();
        if let Some(error) = self.refusal(tenant, text, 0) {
            return Ok(Err(error));
        }
        let answers = self.run(tenant, Mode::Compile, b"", &[(text, COMPILE_LIMIT_MS)]).await?;
        Ok(answers.into_iter().next().unwrap_or(Ok(None)).map(|_| ()))
    }

    /// Worker processes that are alive and have nothing to do.
    pub fn idle_workers(&self) -> usize {
        self.pool.idle_workers()
    }

    fn refusal(&self, tenant: Uuid, text: &str, place: usize) -> Option<ExpressionError> {
        if place >= EXPRESSIONS_MAX {
            return Some(ExpressionError::new("too_many_expressions", format!("at most {EXPRESSIONS_MAX} at a time")));
        }
        if text.len() > EXPRESSION_BYTES_MAX {
            let message = format!("an expression is at most {EXPRESSION_BYTES_MAX} bytes long");
            return Some(ExpressionError::new("expression_too_long", message));
        }
        self.quarantine().holds(tenant, text, Instant::now()).then(|| {
            let message = "it ended its sandbox twice and is not tried for ten minutes; simplify it";
            ExpressionError::new("expression_quarantined", message)
        })
    }

    async fn run(&self, tenant: Uuid, mode: Mode, input: &[u8], all: &[(&str, u32)]) -> Result<Vec<Answer>, SandboxError> {
        if all.is_empty() {
            return Ok(Vec::new());
        }
        match self.once(tenant, mode, input, all).await? {
            Ok(answers) => Ok(answers),
            Err(lost) if all.len() == 1 => Ok(vec![self.convicted(tenant, mode, input, all[0], lost).await?]),
            Err(_) => {
                // A slot anew for each: others have their turn in between.
                let mut answers = Vec::with_capacity(all.len());
                for one in all {
                    answers.push(match self.once(tenant, mode, input, &[*one]).await? {
                        Ok(answers) => answers.into_iter().next().unwrap_or_else(|| Err(lost_error(Lost::Died))),
                        Err(lost) => self.convicted(tenant, mode, input, *one, lost).await?,
                    });
                }
                Ok(answers)
            }
        }
    }

    /// It was alone when its worker was lost. A worker that died may have been killed from outside, so that is
    /// tried again; one that hung was hung by its expression.
    async fn convicted(
        &self,
        tenant: Uuid,
        mode: Mode,
        input: &[u8],
        one: (&str, u32),
        lost: Lost,
    ) -> Result<Answer, SandboxError> {
        self.quarantine().strike(tenant, one.0, Instant::now());
        if lost == Lost::Hung {
            return Ok(Err(lost_error(lost)));
        }
        match self.once(tenant, mode, input, &[one]).await? {
            Ok(answers) => Ok(answers.into_iter().next().unwrap_or_else(|| Err(lost_error(lost)))),
            Err(lost) => {
                self.quarantine().strike(tenant, one.0, Instant::now());
                Ok(Err(lost_error(lost)))
            }
        }
    }

    /// One exchange with one worker.
    async fn once(
        &self,
        tenant: Uuid,
        mode: Mode,
        input: &[u8],
        expressions: &[(&str, u32)],
    ) -> Result<Result<Vec<Answer>, Lost>, SandboxError> {
        // Every expression may use its limit, and the one that overruns it gets it twice.
        let limits = expressions.iter().map(|(_, limit_ms)| u64::from(*limit_ms));
        let within = Duration::from_millis(limits.clone().sum::<u64>() + limits.max().unwrap_or(0)) + GRACE;
        let request = Request { mode, expressions: expressions.to_vec(), input };
        let mut lease = self.pool.lease(tenant).await?;
        let outcomes = match lease.exchange(&request, within).await? {
            Ok(Reply { outcomes, .. }) => outcomes.map_err(SandboxError::Input)?,
            Err(lost) => return Ok(Err(lost)),
        };
        if outcomes.len() != expressions.len() {
            return Ok(Err(Lost::Died));
        }
        Ok(Ok(outcomes.into_iter().map(answer).collect()))
    }

    fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Undefined => Ok(None),
        Outcome::Failed(error) => Err(error),
        Outcome::Value(json) => serde_json::from_slice(&json)
            .map(Some)
            .map_err(|_| ExpressionError::new("output_too_deep", "the result is nested deeper than 127 levels")),
    }
}

fn lost_error(lost: Lost) -> ExpressionError {
    match lost {
        Lost::Hung => ExpressionError::new("sandbox_timeout", "the evaluation did not end within its time and was stopped"),
        Lost::Died => ExpressionError::new("sandbox_crashed", "the evaluation needs more memory or stack than it may have"),
    }
}
