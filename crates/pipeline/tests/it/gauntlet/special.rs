//! Receivers that need more than a script and a sentence.

use super::{PATIENT, SHORT, again, check, timed};
use crate::receiver::{Receiver, Step, answer, say};
use crate::webhook::Try;

/// Returns how many they are.
pub async fn all() -> usize {
    nobody_accepts().await;
    escapes_and_directions_are_text().await;
    a_kept_connection_is_tried_again_once_and_only_if_nothing_came().await;
    3
}

/// The system completes the handshake, and no program ever takes the connection.
async fn nobody_accepts() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut attempt = Try::at(&format!("http://{}/", listener.local_addr().unwrap()));
    attempt.within = SHORT;
    let (delivered, _) = timed(&attempt).await;
    check("nobody accepts", &again(), "no answer within ", &delivered);
}

async fn escapes_and_directions_are_text() {
    let body = "\x1b]0;owned\x07\x1b[2J\u{202e}txt.exe<script>\r\nadmin: logged in";
    let receiver = Receiver::plain(answer("500 Oops", "", body)).await;
    let delivered = Try::at(&receiver.url("/")).go().await;
    let shown = "\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{202e}txt.exe<script>\\r\\nadmin: logged in";
    assert_eq!(delivered.response_summary.as_deref(), Some(shown));
}

async fn a_kept_connection_is_tried_again_once_and_only_if_nothing_came() {
    let good = answer("200 OK", "", "good");
    for (end, requests, reason) in [
        (vec![Step::Take, Step::Close], 3, "answered 200"),
        (vec![Step::Take, say("HTTP/1.1 2"), Step::Close], 2, "connection closed before an answer"),
    ] {
        let receiver = Receiver::in_turn(vec![[good.to_vec(), end].concat(), good.to_vec()]).await;
        let mut attempt = Try::at(&receiver.url("/"));
        attempt.within = PATIENT;
        assert_eq!(attempt.go().await.reason, "answered 200");
        assert_eq!(attempt.go().await.reason, reason);
        let seen = receiver.saw(|ledger| ledger.requests.clone());
        assert_eq!(seen.len(), requests);
        assert!(seen.iter().all(|request| request.contains("webhook-id: msg_1")), "the same id each time");
    }
}
