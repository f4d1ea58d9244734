//! Why an exchange failed, in words that the owner of a destination understands.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// What an exchange was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Resolving,
    Connecting,
    Tls,
    Waiting,
    Reading,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Our own guard: nothing was sent, and trying again can't help.
    #[error("forbidden address {0}")]
    Forbidden(IpAddr),
    #[error("name does not resolve: {0}")]
    NameNotFound(String),
    #[error("name {name} could not be resolved: {why}")]
    Unresolved { name: String, why: String },
    #[error("connection refused")]
    Refused,
    #[error("no connection within {}", Span(*.0))]
    ConnectTimeout(Duration),
    #[error("connection failed: {0}")]
    ConnectFailed(String),
    #[error("{0}")]
    Tls(String),
    #[error("{}", DeadlineText(*phase, *given))]
    Deadline { phase: Phase, given: Duration },
    #[error("connection reset before an answer")]
    ResetBeforeAnswer,
    #[error("connection closed before an answer")]
    ClosedBeforeAnswer,
    #[error("connection lost in the middle of the answer")]
    BrokenAnswer,
    #[error("the answer is no valid HTTP/1.1")]
    MalformedAnswer,
    #[error("the answer has more than 100 headers or 64 KiB of them")]
    LargeAnswer,
    #[error("more than 512 KiB came, and no answer among them")]
    EndlessAnswer,
    #[error("the request can't be written: {0}")]
    Unsendable(&'static str),
}

impl SendError {
    /// Whether the receiver may have seen something of the request.
    pub const fn may_have_sent(&self) -> bool {
        match self {
            Self::Deadline { phase, .. } => matches!(phase, Phase::Waiting | Phase::Reading),
            Self::ResetBeforeAnswer
            | Self::ClosedBeforeAnswer
            | Self::BrokenAnswer
            | Self::MalformedAnswer
            | Self::LargeAnswer
            | Self::EndlessAnswer => true,
            _ => false,
        }
    }

    /// What a kept connection says that its other end closed meanwhile.
    pub(super) const fn is_stale(&self) -> bool {
        matches!(self, Self::ResetBeforeAnswer | Self::ClosedBeforeAnswer)
    }
}

struct DeadlineText(Phase, Duration);

impl fmt::Display for DeadlineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Phase::Resolving => "name not resolved within ",
            Phase::Connecting => "no connection within ",
            Phase::Tls => "TLS not established within ",
            Phase::Waiting => "no answer within ",
            Phase::Reading => "the answer did not end within ",
        })?;
        Span(self.1).fmt(f)
    }
}

/// `15 s`, `1.5 s`, `250 ms`. Rounded, because the deadline was set a moment before it is shown.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_millis() + 50) / 100;
        match (tenths / 10, tenths % 10) {
            (0, _) => write!(f, "{} ms", self.0.as_micros().div_ceil(1000)),
            (whole, 0) => write!(f, "{whole} s"),
            (whole, tenth) => write!(f, "{whole}.{tenth} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_says_what_it_cut_off() {
        let text =
            |phase, millis: u64| SendError::Deadline { phase, given: Duration::from_micros(millis * 1000 - 7) }.to_string();
        assert_eq!(text(Phase::Waiting, 15_000), "no answer within 15 s");
        assert_eq!(text(Phase::Connecting, 1_500), "no connection within 1.5 s");
        assert_eq!(text(Phase::Reading, 80), "the answer did not end within 80 ms");
    }

    /// The whole table: what the owner of a destination reads.
    #[test]
    fn every_failure_has_its_sentence() {
        let span = Duration::from_secs(15);
        let cut = |phase| SendError::Deadline { phase, given: span };
        let unresolved = SendError::Unresolved { name: "x.example".to_owned(), why: "the resolver does not answer".to_owned() };
        for (error, sentence, sent) in [
            (SendError::Forbidden(IpAddr::from([10, 0, 0, 1])), "forbidden address 10.0.0.1", false),
            (SendError::NameNotFound("x.example".to_owned()), "name does not resolve: x.example", false),
            (unresolved, "name x.example could not be resolved: the resolver does not answer", false),
            (SendError::Refused, "connection refused", false),
            (SendError::ConnectTimeout(Duration::from_secs(5)), "no connection within 5 s", false),
            (
                SendError::ConnectFailed("there is no way to the host".to_owned()),
                "connection failed: there is no way to the host",
                false,
            ),
            (SendError::Tls("certificate expired 3 days ago".to_owned()), "certificate expired 3 days ago", false),
            (cut(Phase::Resolving), "name not resolved within 15 s", false),
            (cut(Phase::Connecting), "no connection within 15 s", false),
            (cut(Phase::Tls), "TLS not established within 15 s", false),
            (cut(Phase::Waiting), "no answer within 15 s", true),
            (cut(Phase::Reading), "the answer did not end within 15 s", true),
            (SendError::ResetBeforeAnswer, "connection reset before an answer", true),
            (SendError::ClosedBeforeAnswer, "connection closed before an answer", true),
            (SendError::BrokenAnswer, "connection lost in the middle of the answer", true),
            (SendError::MalformedAnswer, "the answer is no valid HTTP/1.1", true),
            (SendError::LargeAnswer, "the answer has more than 100 headers or 64 KiB of them", true),
            (SendError::EndlessAnswer, "more than 512 KiB came, and no answer among them", true),
            (SendError::Unsendable("its path is too odd"), "the request can't be written: its path is too odd", false),
        ] {
            assert_eq!((error.to_string().as_str(), error.may_have_sent()), (sentence, sent));
        }
    }
}
