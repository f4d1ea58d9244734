//! Expressions that mean harm, or were written by somebody who did not mean any. Each must end within its
//! bound with an error, while another tenant's evaluations go on as if nothing were.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;

/// A lost worker, its replacement, and a busy machine.
const BOUND: Duration = Duration::from_secs(5);

/// All of them end with an error, whichever limit they meet first.
const HOSTILE: [&str; 36] = [
    // Recursion without an end: a loop of tail calls, a growing stack, two functions that call each other.
    "($f := function($n){ $f($n + 1) }; $f(0))",
    "($f := function($n){ 1 + $f($n + 1) }; $f(0))",
    "($a := function($n){ 1 + $b($n) }; $b := function($n){ 1 + $a($n) }; $a(0))",
    "($y := function($f){ $f($f) }; $y(function($f){ [$f($f)] }))",
    // Chains of closures: deep to call, and deep to drop.
    "($mk := function($f, $n){ $n = 0 ? $f : $mk(function($x){ $f($x) }, $n - 1) }; $mk(function($x){ $x }, 1000000)(1))",
    "($mk := function($f, $n){ $n = 0 ? $f : $mk($f ~> $uppercase, $n - 1) }; $mk($lowercase, 1000000)('a'))",
    "$reduce([1..100000], function($f, $i){ function(){ $f } }, 0)",
    // Memory: padding, doubling, joins, ranges.
    "$pad('x', 2000000000)",
    "$pad('x', -2000000000)",
    "$pad('x', 100000000)",
    "$reduce([1..40], function($s, $i){ $s & $s }, 'xxxxxxxx')",
    "$string($reduce([1..40], function($s, $i){ [$s, $s] }, 'x'))",
    "$reduce([1..60], function($s, $i){ $append($s, $s) }, [1, 2])",
    "$join([1..99999].$string($), $pad('x', 100000))",
    "$replace($pad('a', 1000000, 'a'), 'a', $pad('b', 10000, 'b'))",
    "[1..10000000]",
    "[1..99999].[1..99999]",
    "$map([1..99999], function($v){ $map([1..99999], function($w){ $w }) })",
    "$sum([1..99999] ~> $map(function($x){ $sum([1..99999]) }))",
    "$base64encode($pad('x', 50000000)) ~> $base64decode()",
    // Built-in functions that don't look at the clock.
    "$distinct([1..99999]) ~> $count() > $count($distinct([1..99999]))",
    "$formatInteger(1000000000000, 'I')",
    "$formatNumber(1, $pad('#', 1000000, '0'))",
    "$fromMillis(0, '[Y,2000000000-2000000000]')",
    "$toMillis($pad('1', 5000, '1'), $reduce([1..2000], function($a, $i){ $a & '[Y]' }, ''))",
    "$toMillis($pad('a', 5000, 'a'), $reduce([1..500], function($a, $i){ $a & '[FNn][MNn]' }, ''))",
    // Regular expressions: huge when compiled, or nested without need.
    "$match('a', /a{1000000000}/)",
    "$match($pad('a', 1000, 'a'), /((a{1,100}){1,100}){1,100}/)",
    "$count($split($pad('a', 9000000, 'a'), /(a|a?)+?/)) + $error('too many')",
    // Expressions that make expressions.
    "($e := function($n){ $eval('$e($n + 1)') }; $e(0))",
    "$eval($reduce([1..13], function($a, $i){ $a & $a }, '['))",
    "$eval($reduce([1..20], function($a, $i){ $a & '+' & $a }, '1'))",
    // Results that are too much to hand back.
    "$pad('x', 300000)",
    "[1..99999]",
    "$reduce([1..500], function($s, $i){ [[$s]] }, 'x')",
    "$error($pad('x', 1000000))",
];

/// A tenant with honest work, all the time; the slowest of its answers.
async fn bystander(sandbox: Sandbox, stop: Arc<AtomicBool>) -> (u32, Duration) {
    let (mut answers, mut missed, mut slowest) = (0, 0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        let result = evaluate(&sandbox, GLOBEX, r#"{"a":{"b":[1,2,3]}}"#, "$sum(a.b)").await;
        slowest = slowest.max(started.elapsed());
        // A worker that a busy machine does not let run for its whole time may be stopped: seldom.
        match result {
            Err(error) if error.code == "sandbox_timeout" => missed += 1,
            result => assert_eq!(result, Ok(Some(json!(6)))),
        }
        answers += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(missed <= 1 + answers / 20, "{missed} of {answers} were stopped");
    (answers, slowest)
}

pub async fn every_hostile_expression_ends_and_others_go_on() {
    let sandbox = sandbox();
    let stop = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(bystander(sandbox.clone(), Arc::clone(&stop)));
    for text in HOSTILE {
        let started = Instant::now();
        // Two at once: the hostile tenant would take every worker if it could.
        let (one, two) = tokio::join!(evaluate(&sandbox, ACME, "{}", text), evaluate(&sandbox, ACME, "{}", text));
        let took = started.elapsed();
        for result in [one, two] {
            let error = result.expect_err(text);
            assert!(error.message.chars().count() <= 401, "{text}: the message is bounded");
        }
        assert!(took < BOUND, "{text} took {took:?}");
    }
    stop.store(true, Ordering::Relaxed);
    let (answers, slowest) = others.await.unwrap();
    println!("  {} hostile expressions twice; the other tenant had {answers} answers, the slowest in {slowest:?}", HOSTILE.len());
    assert!(slowest < PROMPT, "another tenant waited {slowest:?}");
    assert!(answers > 10);
    assert_eq!(evaluate(&sandbox, ACME, r#"{"a":1}"#, "a + 1").await, Ok(Some(json!(2))), "the hostile tenant is served, too");
}

pub async fn hostile_texts_are_refused_when_they_are_saved() {
    let sandbox = sandbox();
    for text in [
        format!("{}1{}", "(".repeat(4000), ")".repeat(4000)),
        format!("{}1{}", "[".repeat(4000), "]".repeat(4000)),
        format!("{}1", "-".repeat(8000)),
        format!("1{}", "+1".repeat(4000)),
        format!("a{}", "[0]".repeat(2500)),
        format!("{}1{}", "$f(".repeat(2000), ")".repeat(2000)),
        "a?".repeat(4000),
        format!("'{}'", "\\ud800".repeat(1000)),
    ] {
        let started = Instant::now();
        let error = sandbox.check(&text).await.unwrap().expect_err(&text);
        assert!(error.position.is_some_and(|position| position as usize <= text.len()), "{error}");
        assert!(started.elapsed() < BOUND);
    }
    // Whatever is made of these, it is made of them in time.
    for text in [
        format!("a{}", ".a".repeat(4000)),
        format!("%{}", ".%".repeat(3000)),
        format!("function($x)<{}s{}>{{$x}}", "(".repeat(3900), ")".repeat(3900)),
    ] {
        let started = Instant::now();
        let _ = sandbox.check(&text).await;
        assert!(started.elapsed() < BOUND);
    }
    assert_eq!(sandbox.check("a.b").await, Ok(Ok(())));
}

pub async fn only_the_guilty_field_gets_the_error() {
    let sandbox = sandbox();
    let texts = ["a", "$pad('x', 2000000000)", "a * 2", "$formatInteger(1000000000000, 'I')", "a * 3"];
    let results = evaluate_all(&sandbox, ACME, r#"{"a":7}"#, &texts).await;
    let shown: Vec<_> = results.into_iter().map(|evaluated| evaluated.result.map_err(|error| error.code)).collect();
    let crashed = Err("sandbox_crashed".to_owned());
    let hung = Err("sandbox_timeout".to_owned());
    assert_eq!(shown, [Ok(Some(json!(7))), crashed, Ok(Some(json!(14))), hung, Ok(Some(json!(21)))]);
}

pub async fn an_expression_that_killed_twice_is_quarantined_for_its_tenant_alone() {
    let sandbox = sandbox();
    let text = "$formatInteger(1000000000000, 'I')";
    let mut codes = Vec::new();
    for tenant in [ACME, ACME, ACME, GLOBEX] {
        codes.push(evaluate(&sandbox, tenant, "{}", text).await.unwrap_err().code);
    }
    assert_eq!(codes, ["sandbox_timeout", "sandbox_timeout", "expression_quarantined", "sandbox_timeout"]);
    let results = evaluate_all(&sandbox, ACME, r#"{"a":1}"#, &["a", text]).await;
    assert_eq!(results[0].result, Ok(Some(json!(1))), "the others of its request are evaluated");
    assert_eq!(results[1].result.as_ref().unwrap_err().code, "expression_quarantined");
}

pub async fn a_worker_that_grew_is_replaced() {
    let sandbox = sandbox();
    evaluate(&sandbox, ACME, "{}", "1").await.unwrap();
    let first = pool::children();
    // Some 150 MB while it runs; the worker looks at itself once a second, and its next reply says so.
    let hog = "$count($map([1..50000], function($i){ $pad('x', 3000) }))";
    let started = Instant::now();
    while pool::children() == first {
        assert!(started.elapsed() < Duration::from_secs(60), "it was never replaced");
        let result = sandbox.evaluate(ACME, b"{}", &[Expr { id: "hog", text: hog, limit_ms: 5_000 }]).await.unwrap();
        assert_eq!(result[0].result, Ok(Some(json!(50000))));
    }
    assert_eq!(evaluate(&sandbox, ACME, r#"{"a":1}"#, "a").await, Ok(Some(json!(1))));
}
