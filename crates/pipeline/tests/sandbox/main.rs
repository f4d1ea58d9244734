//! The sandbox against the expressions that it exists for. This binary is its own worker: the pool starts it
//! again with `sandbox-worker`, which the usual test harness could not do (it writes to standard output).
//! So it has no harness, and runs its cases one after the other; an argument filters them by name.

mod hostile;
mod language;
mod mapping;
mod pool;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hookswitch_pipeline::sandbox::{Evaluated, Expr, ExpressionError, Sandbox, SandboxConfig, WORKER_COMMAND, run_worker};
use serde_json::Value;
use uuid::Uuid;

/// The limit of a mapped field.
const LIMIT_MS: u32 = 25;
/// What a machine under load may take for something that takes microseconds.
const PROMPT: Duration = Duration::from_secs(2);

const ACME: Uuid = Uuid::from_u128(0xACE);
const GLOBEX: Uuid = Uuid::from_u128(0x610BE);

type Run = fn() -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// `cases![module::function, ...]`: names and bodies, in this order.
macro_rules! cases {
    ($($module:ident :: $case:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($case)), || Box::pin($module::$case()))),*]
    };
}

const CASES: &[(&str, Run)] = cases![
    language::typical_expressions_give_what_the_language_says,
    language::errors_carry_the_languages_codes,
    language::a_saved_expression_is_checked_and_the_position_named,
    language::input_that_is_no_json_is_refused,
    language::the_input_is_parsed_once_for_all_expressions,
    mapping::a_body_becomes_an_actions_fields,
    mapping::everything_that_is_wrong_is_reported_together,
    mapping::a_mapping_is_checked_before_it_is_saved,
    hostile::every_hostile_expression_ends_and_others_go_on,
    hostile::hostile_texts_are_refused_when_they_are_saved,
    hostile::only_the_guilty_field_gets_the_error,
    hostile::an_expression_that_killed_twice_is_quarantined_for_its_tenant_alone,
    hostile::a_worker_that_grew_is_replaced,
    pool::workers_start_on_first_use_and_end_when_idle,
    pool::a_worker_holds_nothing,
    pool::a_worker_that_was_killed_from_outside_is_nobodys_fault,
    pool::a_flood_of_one_tenant_does_not_hold_up_another,
    pool::a_caller_that_goes_away_frees_its_slot,
    pool::too_many_waiting_are_told_so,
    pool::a_worker_that_cannot_start_is_an_error,
];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER_COMMAND) {
        return run_worker();
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let chosen: Vec<_> = CASES.iter().filter(|(name, _)| filter.as_ref().is_none_or(|part| name.contains(part))).collect();
    if std::env::args().any(|argument| argument == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let started = Instant::now();
    let failed = chosen.iter().filter(|(name, run)| !passes(name, *run)).count();
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        chosen.len() - failed,
        CASES.len() - chosen.len(),
        started.elapsed().as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// A runtime of its own for each, so that no case finds another's tasks or workers.
fn passes(name: &str, run: Run) -> bool {
    let passed = std::panic::catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(120), run()).await.expect("the case did not end") });
        drop(runtime);
        // Killed processes take a moment to go; the next case counts its own only.
        let ended = Instant::now();
        while !pool::children().is_empty() {
            assert!(ended.elapsed() < Duration::from_secs(20), "a worker outlived its sandbox");
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    println!("test {name} ... {}", if passed.is_ok() { "ok" } else { "FAILED" });
    passed.is_ok()
}

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::this_binary().unwrap())
}

async fn evaluate_all(sandbox: &Sandbox, tenant: Uuid, input: &str, texts: &[&str]) -> Vec<Evaluated> {
    let expressions: Vec<Expr<'_>> = texts.iter().map(|text| Expr { id: text, text, limit_ms: LIMIT_MS }).collect();
    sandbox.evaluate(tenant, input.as_bytes(), &expressions).await.unwrap()
}

async fn evaluate(sandbox: &Sandbox, tenant: Uuid, input: &str, text: &str) -> Result<Option<Value>, ExpressionError> {
    evaluate_all(sandbox, tenant, input, &[text]).await.remove(0).result
}
