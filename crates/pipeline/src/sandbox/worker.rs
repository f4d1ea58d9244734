//! What the child process does: `hookswitch sandbox-worker`. It reads requests from standard input, evaluates
//! them and writes replies to standard output, one at a time, until its input ends. Whatever an expression
//! does to it (abort, stack overflow, no memory, no end) is dealt with by the pool, which loses a process;
//! the limits here turn most of that into an ordinary error.
//!
//! Two threads: one with a large stack does the work, the first one watches memory and the parent.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hookswitch_domain::mapping::ExpressionError;
use jsonata_core::Expression;
use jsonata_core::evaluator::{EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;
use rustix::process::{Resource, Rlimit, getppid, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::cache::Cache;
use super::protocol::{self, Mode, OUTPUT_BYTES_MAX, Outcome, Reply, Request};
use super::syntax;

const ADDRESS_SPACE_BYTES: u64 = 512 * 1024 * 1024;
/// Reserved, not used: values that are dropped recursively need it (chains of closures, above all).
const STACK_BYTES: usize = 192 * 1024 * 1024;
/// Levels of evaluation; three of them make one recursive call.
const DEPTH_MAX: usize = 10_000;
const SEQUENCE_MAX: usize = 100_000;
/// All results of one request together.
const OUTPUTS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A worker that holds more than this is replaced after its reply.
const RESIDENT_BYTES_MAX: u64 = 96 * 1024 * 1024;
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// A wall-clock limit that passed without the processor time to match is tried again.
const STARVED_TRIES: u32 = 4;

/// Never returns before its input ends.
pub fn run_worker() -> ExitCode {
    // Nobody reads what a panic prints, and it is answered as an error.
    std::panic::set_hook(Box::new(|_| {}));
    let resident = File::open("/proc/self/statm").ok();
    let bloated = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&bloated);
    let address_space = Rlimit { current: Some(ADDRESS_SPACE_BYTES), maximum: Some(ADDRESS_SPACE_BYTES) };
    if setrlimit(Resource::As, address_space).is_err() {
        return ExitCode::FAILURE;
    }
    let work = move || {
        let code = i32::from(serve(&mut io::stdin().lock(), &mut io::stdout(), &seen).is_err());
        // The values left over need no tidying up, and the other thread is not waited for.
        std::process::exit(code)
    };
    if std::thread::Builder::new().name("evaluate".into()).stack_size(STACK_BYTES).spawn(work).is_err() {
        return ExitCode::FAILURE;
    }
    watch(resident, &bloated)
}

/// Looks after what the working thread can't see while it is busy. A parent that was killed can kill nobody,
/// so an evaluation without an end would outlive it.
fn watch(mut resident: Option<File>, bloated: &AtomicBool) -> ExitCode {
    let parent = getppid();
    loop {
        std::thread::sleep(WATCH_EVERY);
        if getppid() != parent {
            std::process::exit(0);
        }
        if resident.as_mut().and_then(resident_bytes).is_some_and(|bytes| bytes > RESIDENT_BYTES_MAX) {
            bloated.store(true, Ordering::Relaxed);
        }
    }
}

fn resident_bytes(statm: &mut File) -> Option<u64> {
    let mut text = [0; 128];
    statm.seek(SeekFrom::Start(0)).ok()?;
    let length = statm.read(&mut text).ok()?;
    let pages: u64 = str::from_utf8(&text[..length]).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn serve(source: &mut impl Read, sink: &mut impl Write, bloated: &AtomicBool) -> io::Result<()> {
    // From here on nothing can be opened, written to disk or dumped.
    for resource in [Resource::Nofile, Resource::Fsize, Resource::Core] {
        setrlimit(resource, Rlimit { current: Some(0), maximum: Some(0) })?;
    }
    let mut cache = Cache::default();
    let mut payload = Vec::new();
    sink.write_all(&protocol::hello())?;
    sink.flush()?;
    while protocol::read_frame(source, &mut payload)? {
        let request = Request::parse(&payload).ok_or(io::ErrorKind::InvalidData)?;
        let outcomes = answer(&request, &mut cache);
        sink.write_all(&Reply { retire: bloated.load(Ordering::Relaxed), outcomes }.frame())?;
        sink.flush()?;
    }
    Ok(())
}

fn answer(request: &Request<'_>, cache: &mut Cache) -> Result<Vec<Outcome>, String> {
    if request.mode == Mode::Compile {
        let compile = |(text, _): &(&str, u32)| guarded(|| cache.compiled(text).map(|_| Outcome::Undefined));
        return Ok(request.expressions.iter().map(compile).collect());
    }
    let text = str::from_utf8(request.input).map_err(|_| "it is not UTF-8".to_owned())?;
    let input = JValue::from_json_str(text).map_err(|error| error.to_string())?;
    let mut budget = OUTPUTS_BYTES_MAX;
    let mut outcomes = Vec::with_capacity(request.expressions.len());
    for (text, limit_ms) in &request.expressions {
        let outcome = guarded(|| {
            let expression = cache.compiled(text)?;
            output(&evaluate(&expression, &input, *limit_ms)?, OUTPUT_BYTES_MAX.min(budget))
        });
        if let Outcome::Value(json) = &outcome {
            budget -= json.len();
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// A panic in the library is that expression's error, nobody else's.
fn guarded(work: impl FnOnce() -> Result<Outcome, ExpressionError>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.unwrap_or_else(Outcome::Failed),
        Err(_) => Outcome::Failed(ExpressionError::new("sandbox_crashed", "the evaluation failed inside a function")),
    }
}

/// The library's limit is wall-clock time. On a busy machine that passes without this thread running, so a
/// limit that was hit counts only once the thread has used as much processor time.
fn evaluate(expression: &Rc<Expression>, input: &JValue, limit_ms: u32) -> Result<JValue, ExpressionError> {
    let options = EvaluatorOptions {
        timeout_ms: Some(limit_ms.into()),
        cancel: None,
        max_stack_depth: Some(DEPTH_MAX),
        max_sequence_length: Some(SEQUENCE_MAX),
    };
    let mut tries = 1;
    loop {
        let started = processor_time();
        let error = match expression.evaluate_with_options(input, options.clone()) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let used = processor_time().saturating_sub(started);
        let starved = error.code() == Some("D1012") && used < Duration::from_millis(limit_ms.into());
        if !starved || tries == STARVED_TRIES {
            return Err(failed(&error));
        }
        tries += 1;
    }
}

fn failed(error: &EvaluatorError) -> ExpressionError {
    syntax::evaluation_error(error)
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// A function has no JSON text: like the reference implementation's, such a result is undefined.
fn output(value: &JValue, bytes_max: usize) -> Result<Outcome, ExpressionError> {
    if value.is_undefined() || value.is_function() || value.is_regex() {
        return Ok(Outcome::Undefined);
    }
    let mut sink = Bounded { bytes: Vec::new(), bytes_max };
    serde_json::to_writer(&mut sink, value).map_err(|_| {
        ExpressionError::new("output_too_large", format!("the result is larger than {} KiB as JSON", OUTPUT_BYTES_MAX / 1024))
    })?;
    Ok(Outcome::Value(sink.bytes))
}

/// Stops the serialiser at the limit: a value that shares its parts may be gigabytes of text.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.bytes_max {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
