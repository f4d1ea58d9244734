//! The mock adapter: nothing leaves the process. For tests and for trying things out where nobody
//! listens; refused outside local, dev and test, where a delivery that says "delivered" must be one.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{Adapter, Delivered, Dispatch};

pub struct Mock;

impl Adapter for Mock {
    fn kind(&self) -> &'static str {
        "mock"
    }

    fn title(&self) -> &'static str {
        "Mock"
    }

    fn description(&self) -> &'static str {
        "Sends nothing and ends each attempt as it is told to. For tests and local use alone."
    }

    fn settings_schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "outcomes": {
                    "type": "array", "minItems": 1, "maxItems": 50, "default": ["accepted"],
                    "title": "Outcomes",
                    "description": "What attempt 1, 2, ... comes to; the last repeats.",
                    "items": { "type": "string", "enum": ["accepted", "retryable", "terminal", "gone"] }
                },
                "delay_ms": {
                    "type": "integer", "minimum": 0, "maximum": 60000, "default": 0,
                    "title": "Delay in milliseconds",
                    "description": "How long an attempt takes; the timeout cuts it off."
                }
            },
            "additionalProperties": false
        })
    }

    fn development_only(&self) -> bool {
        true
    }

    fn deliver<'a>(&'a self, dispatch: &'a Dispatch<'a>) -> BoxFuture<'a, Delivered> {
        Box::pin(deliver(dispatch))
    }
}

async fn deliver(dispatch: &Dispatch<'_>) -> Delivered {
    let delay = Duration::from_millis(dispatch.settings["delay_ms"].as_u64().unwrap_or(0));
    let ready = Instant::now() + delay;
    if !delay.is_zero() {
        sleep_until(ready.min(dispatch.deadline)).await;
    }
    if ready > dispatch.deadline {
        return Delivered::unsent(Outcome::Retryable { retry_after: None }, "mock: no answer within the timeout");
    }
    let told = dispatch.settings["outcomes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let place = usize::try_from(dispatch.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let outcome = match told.get(place).or(told.last()).and_then(Value::as_str) {
        Some("retryable") => Outcome::Retryable { retry_after: None },
        Some("terminal") => Outcome::Terminal,
        Some("gone") => Outcome::Gone,
        _ => Outcome::Accepted,
    };
    Delivered::unsent(outcome, "mock: ended as its settings say, nothing was sent")
}
