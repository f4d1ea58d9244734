//! Gauges of the whole installation for `/metrics`, looked at once a round.

use hookswitch_domain::destination::Hold;
use hookswitch_store::{Db, StoreError, gauge};

pub(super) async fn run(db: &Db) -> Result<(), StoreError> {
    let gauges = gauge::read(db).await?;
    // A state that nothing is in any more must fall to 0, not stand still.
    for state in std::iter::once("active").chain(Hold::ALL.map(Hold::as_str)) {
        let hold = (state != "active").then_some(state);
        let found = gauges.destinations.iter().find(|(held, _)| held.as_deref() == hold);
        metrics::gauge!("hookswitch_destinations", "state" => state).set(found.map_or(0, |(_, count)| *count) as f64);
    }
    metrics::gauge!("hookswitch_deliveries_unfinished").set(gauges.unfinished as f64);
    metrics::gauge!("hookswitch_due_oldest_seconds").set(gauges.oldest_due_ms as f64 / 1_000.0);
    metrics::gauge!("hookswitch_attempts_uncounted").set(gauges.uncounted as f64);
    Ok(())
}
