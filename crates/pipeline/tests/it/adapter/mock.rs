//! The mock: it ends attempts as it is told to, and sends nothing.

use hookswitch_domain::delivery::Outcome;
use hookswitch_pipeline::outbound::adapter::find;
use serde_json::{Value, json};

use super::{LATER, Try};

#[tokio::test]
async fn attempts_end_as_the_settings_say_and_the_last_repeats() {
    let settings = json!({"outcomes": ["retryable", "terminal", "gone", "accepted"]});
    let mut attempt = Try::at("mock", "http://127.0.0.1:9/".to_owned(), settings);
    for (number, outcome) in
        [(1, LATER), (2, Outcome::Terminal), (3, Outcome::Gone), (4, Outcome::Accepted), (9, Outcome::Accepted)]
    {
        attempt.attempt = number;
        let delivered = attempt.go().await;
        assert_eq!((delivered.outcome, delivered.status), (outcome, None), "{number}");
    }
}

#[test]
fn only_the_mock_is_for_development_alone_and_wrong_settings_name_their_field() {
    let kinds = hookswitch_pipeline::outbound::adapter::ALL.iter().filter(|adapter| adapter.development_only());
    assert_eq!(kinds.map(|adapter| adapter.kind()).collect::<Vec<_>>(), ["mock"]);
    let wrong = |settings: Value| find("mock").unwrap().check_settings(&settings).unwrap_err().field;
    assert_eq!(wrong(json!({"outcomes": []})), "settings.outcomes");
    assert_eq!(wrong(json!({"outcomes": ["lost"]})), "settings.outcomes[0]");
    assert_eq!(wrong(json!({"delay_ms": 1.5})), "settings.delay_ms");
}
