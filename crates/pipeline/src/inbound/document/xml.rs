//! XML as JSON. A document type is refused, so that there are no entities to expand, and so is what
//! is nested deeply.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use super::Unreadable;

const DEPTH_MAX: usize = 64;
const NODES_MAX: usize = 50_000;

/// An element that isn't closed yet.
struct Open {
    name: String,
    members: Map<String, Value>,
    /// Members that came more than once.
    lists: Vec<String>,
    text: String,
}

impl Open {
    fn of(tag: &BytesStart<'_>) -> Result<Self, Unreadable> {
        let mut members = Map::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| broken(&error))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| broken(&error))?;
            members.insert(format!("@{}", attribute.key.as_ref()), Value::String(value.into_owned()));
        }
        Ok(Self { name: tag.name().as_ref().to_owned(), members, lists: Vec::new(), text: String::new() })
    }

    fn push(&mut self, name: String, value: Value) {
        match self.members.get_mut(&name) {
            None => drop(self.members.insert(name, value)),
            Some(Value::Array(list)) if self.lists.contains(&name) => list.push(value),
            Some(first) => {
                *first = json!([first.take(), value]);
                self.lists.push(name);
            }
        }
    }

    fn close(mut self) -> (String, Value) {
        let text = self.text.trim();
        if self.members.is_empty() {
            return (self.name, Value::String(text.to_owned()));
        }
        if !text.is_empty() {
            self.members.insert("#text".to_owned(), Value::String(text.to_owned()));
        }
        (self.name, Value::Object(self.members))
    }
}

fn broken(error: &dyn std::fmt::Display) -> Unreadable {
    Unreadable(format!("the body is no XML document: {error}"))
}

/// `{root: ...}`.
pub(super) fn read(text: &str) -> Result<Value, Unreadable> {
    let mut reader = Reader::from_str(text);
    let (mut open, mut root): (Vec<Open>, Option<(String, Value)>) = (Vec::new(), None);
    let mut nodes = 0;
    loop {
        nodes += 1;
        if nodes > NODES_MAX {
            return Err(broken(&"it has too many parts"));
        }
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(tag) if open.len() < DEPTH_MAX => {
                one_root(&open, root.as_ref())?;
                open.push(Open::of(&tag)?);
            }
            Event::Start(_) => return Err(broken(&"it is nested too deeply")),
            Event::Empty(tag) => {
                one_root(&open, root.as_ref())?;
                end(Open::of(&tag)?, &mut open, &mut root);
            }
            Event::End(_) => match open.pop() {
                Some(element) => end(element, &mut open, &mut root),
                None => return Err(broken(&"an element is closed that isn't open")),
            },
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(name) => {
                let letter = name.resolve_char_ref().map_err(|error| broken(&error))?;
                match (letter, resolve_predefined_entity(&name.xml10_content())) {
                    (Some(letter), _) => add(&mut open, letter.encode_utf8(&mut [0; 4]))?,
                    (None, Some(text)) => add(&mut open, text)?,
                    (None, None) => return Err(broken(&"it names an entity that isn't known")),
                }
            }
            Event::DocType(_) => return Err(broken(&"a document type isn't taken")),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|error| broken(&error))?;
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("us-ascii")) {
                    return Err(broken(&"only UTF-8 is taken"));
                }
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some((name, value)) if open.is_empty() => Ok(Value::Object(Map::from_iter([(name, value)]))),
        _ => Err(broken(&"it ends too early")),
    }
}

fn one_root(open: &[Open], root: Option<&(String, Value)>) -> Result<(), Unreadable> {
    match open.is_empty() && root.is_some() {
        true => Err(broken(&"it has more than one root")),
        false => Ok(()),
    }
}

fn end(element: Open, open: &mut [Open], root: &mut Option<(String, Value)>) {
    let (name, value) = element.close();
    match open.last_mut() {
        Some(parent) => parent.push(name, value),
        None => *root = Some((name, value)),
    }
}

fn add(open: &mut [Open], text: &str) -> Result<(), Unreadable> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(broken(&"there is text outside of its root")),
    }
    Ok(())
}
