//! Where a value stands in a JSON body: `event.time`, `value[].clientState`. Names between dots;
//! `[]` after a name goes into each element of a list. Nothing more, so that nothing has to be
//! evaluated before a sender is known.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

const STEPS_MAX: usize = 8;
const CHARS_MAX: usize = 200;
/// More values than this are as good as none: a list that long proves nothing more.
const VALUES_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: String,
    each: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one to eight names with dots between them, like event.time or value[].clientState")]
pub struct NoPath;

impl BodyPath {
    /// Whether it may lead to several values.
    pub fn spreads(&self) -> bool {
        self.0.iter().any(|step| step.each)
    }

    /// The values that it leads to; `None` where one of its ways leads nowhere.
    pub fn find<'v>(&self, body: &'v Value) -> Option<Vec<&'v Value>> {
        let mut found = vec![body];
        for step in &self.0 {
            let mut next = Vec::new();
            for value in found {
                let inner = value.as_object()?.get(&step.name)?;
                match step.each {
                    true => next.extend(inner.as_array()?),
                    false => next.push(inner),
                }
            }
            if next.is_empty() || next.len() > VALUES_MAX {
                return None;
            }
            found = next;
        }
        Some(found)
    }
}

impl FromStr for BodyPath {
    type Err = NoPath;
    fn from_str(text: &str) -> Result<Self, NoPath> {
        let step = |part: &str| {
            let (name, each) = part.strip_suffix("[]").map_or((part, false), |name| (name, true));
            let plain = !name.is_empty() && !name.contains(['[', ']']) && !name.chars().any(char::is_control);
            plain.then(|| Step { name: name.to_owned(), each }).ok_or(NoPath)
        };
        let steps = text.split('.').map(step).collect::<Result<Vec<_>, _>>()?;
        match text.chars().count() <= CHARS_MAX && steps.len() <= STEPS_MAX {
            true => Ok(Self(steps)),
            false => Err(NoPath),
        }
    }
}

impl fmt::Display for BodyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            let dot = if place == 0 { "" } else { "." };
            write!(f, "{dot}{}{}", step.name, if step.each { "[]" } else { "" })?;
        }
        Ok(())
    }
}

impl Serialize for BodyPath {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BodyPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> BodyPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_survives_its_text_and_refuses_what_is_none() {
        for good in ["a", "event.time", "value[].clientState", "a b.c-d", "@timestamp"] {
            assert_eq!(path(good).to_string(), good);
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a[0]", "[]", "a[].", "a]b", "a\n", "a.b.c.d.e.f.g.h.i"] {
            assert_eq!(bad.parse::<BodyPath>(), Err(NoPath), "{bad:?}");
        }
        assert!("x".repeat(201).parse::<BodyPath>().is_err());
    }

    #[test]
    fn a_list_is_walked_whole_and_an_empty_or_broken_one_leads_nowhere() {
        let body = json!({"value": [{"s": 1}, {"s": 2}], "none": [], "odd": [{"s": 1}, {}], "deep": {"x": true}});
        assert_eq!(path("value[].s").find(&body), Some(vec![&json!(1), &json!(2)]));
        assert_eq!(path("deep.x").find(&body), Some(vec![&json!(true)]));
        for nowhere in ["none[]", "none[].s", "odd[].s", "value.s", "deep[].x", "missing", "deep.x.y"] {
            assert_eq!(path(nowhere).find(&body), None, "{nowhere}");
        }
    }
}
