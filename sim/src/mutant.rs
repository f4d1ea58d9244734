//! Ways to get it wrong. Each is one rule left out of the simulated core; the tests show that the
//! simulator finds every one of them, and so that it would find the like in production's.

macro_rules! mutants {
    ($($name:ident $about:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $(#[doc = $about] $name),+ }

        impl Mutant {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about),+ }
            }
        }
    };
}

mutants! {
    IgnoresTheClaimNumber "whoever settles last wins, also after its lease was taken over";
    AnswersBeforeTheCommit "the publisher hears 202 before the event is on disk";
    LeasesByTheNodesClock "a lease is judged by the clock of the node that claims";
    CountsInterruptions "a sender that died costs an attempt";
    RetriesAtOnce "a retry doesn't wait for its time";
    ClaimsBehindAHold "a held lane is claimed like any other";
    IgnoresGone "a 410 holds nothing";
    SendsWithoutLookingAtTheLease "a request goes out although its lease may end first";
    ForgetsTheExhausted "a delivery whose attempts are used up just disappears from the queue";
    FansOutFromAnOldCopy "an event is stored although the configuration has changed since";
    RenamesOnRetry "an attempt has a message id of its own";
    IgnoresTheCap "more is claimed than may be in the air";
    NeverSweeps "a lane whose bell was lost is never looked at again";
    SendsTheDelivered "what was delivered is put back into the queue now and then";
    NeverGivesUp "a delivery is retried for ever";
    EndsWithItsHandsFull "a process that ends gives nothing back";
    LetsTheNextPass "the next one of an ordering key is due while its head waits for another try";
    ForgetsWhoIsNext "the end of an ordering key's head makes nobody due";
    SendsThroughTheBreaker "what waited for its turn is sent although the breaker has opened, or the receiver asked for a rest";
    ClaimsPastTheBreaker "a lane that another node's breaker holds back is claimed all the same";
    KeepsTheBreakerToItself "a breaker that opened is not written down";
    ForgetsToRest "a 429 is a failure like any other, and the next request follows at once";
    IgnoresTheRate "nobody waits for a place of the rate limit";
    SharesByArrival "whoever came first is claimed, whatever its tenant has in hand";
    LetsRetriesCrowdOut "retries and replays are claimed without a bound";
    GivesUpTooSoon "a destination is disabled at its first warning";
    ListensToEveryWish "a Retry-After of a year is honoured";
}
