//! Thousands of histories, each replayed by its seed; and that the simulator finds what it is for.

use hookswitch_sim::check::INVARIANTS;
use hookswitch_sim::{Mutant, explain, run};

/// CI runs so many; `make simulate` runs 100,000.
const SEEDS: u64 = 2_000;
/// A rule left out is found within so many.
const MUTANT_SEEDS: u64 = 400;

fn over_all_processors(seeds: u64, each: impl Fn(u64) + Sync) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let each = &each;
            scope.spawn(move || (worker..seeds).step_by(workers as usize).for_each(each));
        }
    });
}

#[test]
fn every_invariant_holds_in_every_history() {
    over_all_processors(SEEDS, |seed| {
        let run = run(seed, None);
        assert!(run.failure.is_none(), "{}", explain(&run, 80));
    });
}

#[test]
fn one_seed_is_one_history() {
    for seed in 0..50 {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.figures, second.figures);
    }
    assert_ne!(run(1, None).trace, run(2, None).trace, "and another seed another one");
}

/// A history in which nothing happens proves nothing.
#[test]
fn what_can_go_wrong_does_go_wrong() {
    let runs: Vec<_> = (0..200).map(|seed| run(seed, None).figures).collect();
    let sum = |pick: fn(&hookswitch_sim::world::Figures) -> u64| runs.iter().map(pick).sum::<u64>();
    assert!(sum(|run| run.sends) > 2_000, "{} sends", sum(|run| run.sends));
    assert!(sum(|run| run.crashes) > 300, "{} crashes", sum(|run| run.crashes));
    assert!(sum(|run| run.takeovers) > 200, "{} leases taken over", sum(|run| run.takeovers));
    assert!(sum(|run| run.stale) > 10, "{} late writes", sum(|run| run.stale));
    assert!(sum(|run| run.opened) > 20, "{} breakers opened", sum(|run| run.opened));
    assert!(sum(|run| run.paced) > 100, "{} sends waited for their rate", sum(|run| run.paced));
    assert!(sum(|run| run.beside_a_burst) > 10, "{} events beside a burst", sum(|run| run.beside_a_burst));
}

#[test]
fn every_rule_that_is_left_out_is_found() {
    let missed: Vec<_> = Mutant::ALL
        .iter()
        .filter(|mutant| (0..MUTANT_SEEDS).all(|seed| run(seed, Some(**mutant)).failure.is_none()))
        .map(|mutant| mutant.about())
        .collect();
    assert!(missed.is_empty(), "nobody noticed in {MUTANT_SEEDS} histories: {missed:#?}");
}

#[test]
fn a_failure_says_which_seed_and_how_to_replay_it() {
    let failed = (0..MUTANT_SEEDS).map(|seed| run(seed, Some(Mutant::RetriesAtOnce))).find(|run| run.failure.is_some());
    let failed = failed.expect("the mutant is found");
    let text = explain(&failed, 10);
    assert!(text.contains(&format!("make simulate SEED={}", failed.seed)), "{text}");
    assert!(text.contains("invariant 12"), "{text}");
    assert!(INVARIANTS.iter().any(|(number, _)| *number == failed.failure.as_ref().map_or(0, |f| f.invariant)));
}
