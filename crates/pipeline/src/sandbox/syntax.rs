//! What the parser and the evaluator complain about, as code, message and position. The parser's errors
//! carry their code inside the message and no position at all, so the place is found by parsing beginnings
//! of the text: the shortest one that fails in the same way ends with the token that can't stand there.

use hookswitch_domain::mapping::ExpressionError;
use jsonata_core::evaluator::{EvaluatorError, error_code_prefix};
use jsonata_core::parser::{self, ParserError};

const MESSAGE_CHARS_MAX: usize = 400;

/// The parser names tokens as its source does; readers know them by their symbols.
const SYMBOLS: [(&str, &str); 37] = [
    ("LeftParen", "("),
    ("RightParen", ")"),
    ("LeftBracket", "["),
    ("RightBracket", "]"),
    ("LeftBrace", "{"),
    ("RightBrace", "}"),
    ("Comma", ","),
    ("Semicolon", ";"),
    ("Colon", ":"),
    ("ColonEqual", ":="),
    ("Caret", "^"),
    ("Pipe", "|"),
    ("Hash", "#"),
    ("At", "@"),
    ("Dot", "."),
    ("DotDot", ".."),
    ("Plus", "+"),
    ("Minus", "-"),
    ("Star", "*"),
    ("StarStar", "**"),
    ("Slash", "/"),
    ("Percent", "%"),
    ("Equal", "="),
    ("NotEqual", "!="),
    ("LessThan", "<"),
    ("LessThanOrEqual", "<="),
    ("GreaterThan", ">"),
    ("GreaterThanOrEqual", ">="),
    ("And", "and"),
    ("Or", "or"),
    ("In", "in"),
    ("Ampersand", "&"),
    ("Question", "?"),
    ("QuestionQuestion", "??"),
    ("QuestionColon", "?:"),
    ("TildeArrow", "~>"),
    ("Eof", "(end)"),
];

pub fn syntax_error(text: &str, error: &ParserError) -> ExpressionError {
    let (code, message) = parts(error);
    let position = position(text, &code);
    ExpressionError { message: shorten(&readable(&message).unwrap_or(message)), code, position: Some(position) }
}

pub fn evaluation_error(error: &EvaluatorError) -> ExpressionError {
    let (code, message) = split(error.message(), "evaluation_failed");
    let prefixes = ["Argument error: ", "Runtime error: ", "Type error: "];
    let message = prefixes.iter().find_map(|prefix| message.strip_prefix(prefix)).unwrap_or(&message);
    ExpressionError { code, message: shorten(message), position: None }
}

fn parts(error: &ParserError) -> (String, String) {
    let uncoded = match error {
        ParserError::InvalidNumber(_) => "S0102",
        ParserError::UnclosedComment => "S0106",
        _ => "syntax_error",
    };
    let shown = error.to_string();
    split(shown.strip_prefix("Invalid syntax: ").unwrap_or(&shown), uncoded)
}

/// `T2001: text` apart; what has no code gets the given one.
fn split(message: &str, uncoded: &str) -> (String, String) {
    match error_code_prefix(message) {
        Some(code) => (code.to_owned(), message[code.len() + 1..].trim_start().to_owned()),
        None => (uncoded.to_owned(), message.to_owned()),
    }
}

/// Characters up to and including the token at fault, as the reference implementation counts.
fn position(text: &str, code: &str) -> u32 {
    let chars: Vec<char> = text.chars().collect();
    let end = chars.len() as u32;
    // Something is open or expected still: the fault is at the end.
    if ["S0101", "S0105", "S0106", "S0203", "S0207", "S0302"].contains(&code) {
        return end;
    }
    let cuts: Vec<usize> = (1..chars.len()).filter(|place| !inside_token(chars[place - 1], chars[*place])).collect();
    let fails = |place: usize| {
        let beginning: String = chars[..place].iter().collect();
        parser::parse(&beginning).is_err_and(|error| parts(&error).0 == code)
    };
    let first = cuts.partition_point(|place| !fails(*place));
    cuts.get(first).map_or(end, |place| *place as u32)
}

/// Whether no cut may fall between these two: names, numbers and operators of two characters stay whole.
fn inside_token(left: char, right: char) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let operator = |c: char| ":=!<>~*.?".contains(c);
    (word(left) && word(right)) || (operator(left) && operator(right)) || left.is_whitespace()
}

/// The reference implementation's wording of the errors that name a token; None for the others.
fn readable(message: &str) -> Option<String> {
    if let Some(found) = message.strip_prefix("Syntax error: ") {
        return Some(format!("Syntax error: {}", token(found)));
    }
    if let Some(symbol) = message.strip_prefix("The symbol ") {
        let (symbol, rest) = symbol.split_once(" cannot ")?;
        return Some(format!("The symbol {} cannot {rest}", token(symbol)));
    }
    let expected = message.strip_prefix("Expected ")?;
    if let Some((expected, found)) = expected.split_once(", got ") {
        return Some(format!("Expected {}, got {}", token(expected), token(found)));
    }
    let expected = expected.strip_suffix(" before end of expression")?;
    Some(format!("Expected {} before end of expression", token(expected)))
}

fn token(name: &str) -> String {
    if let Some((_, symbol)) = SYMBOLS.iter().find(|(known, _)| *known == name) {
        return format!("\"{symbol}\"");
    }
    let inner = |kind: &str| name.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(number) = inner("Number") {
        return number.strip_suffix(".0").unwrap_or(number).to_owned();
    }
    if let Some(variable) = inner("Variable") {
        return format!("\"${}\"", variable.trim_matches('"'));
    }
    ["Identifier", "String", "Function"].iter().find_map(|kind| inner(kind)).unwrap_or(name).to_owned()
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> ExpressionError {
        syntax_error(text, &parser::parse(text).unwrap_err())
    }

    #[test]
    fn a_syntax_error_has_code_and_position() {
        for (text, code, position) in [
            ("a b", "S0201", 3),
            ("name and other )", "S0201", 16),
            ("\"abc\" & 'x' foo bar", "S0201", 15),
            ("title & ", "S0207", 8),
            ("\"open", "S0101", 5),
            ("$f(1, 2", "S0203", 7),
            ("[1, 2; 3]", "S0202", 6),
            ("\"a\\y\"", "S0103", 4),
            ("name.7", "S0213", 6),
        ] {
            let error = error(text);
            assert_eq!((error.code.as_str(), error.position), (code, Some(position)), "{text}: {error}");
        }
    }

    #[test]
    fn tokens_are_named_by_their_symbols() {
        assert_eq!(error("[1, 2; 3]").message, "Expected \"]\", got \";\"");
        assert_eq!(error("a $b").message, "Syntax error: \"$b\"");
        assert_eq!(error("$f(1 2)").message, "Expected \")\", got 2");
        assert_eq!(error("a b").message, "Syntax error: \"b\"");
        assert_eq!(error("(a").message, "Expected \")\" before end of expression");
        assert_eq!(error(";").message, "The symbol \";\" cannot be used as a unary operator");
    }

    #[test]
    fn a_long_message_is_shortened() {
        assert_eq!(shorten(&"ü".repeat(500)).chars().count(), MESSAGE_CHARS_MAX + 1);
    }

    proptest! {
        #[test]
        fn every_text_is_parsed_or_refused_at_a_place_within_it(text in "[a-c$ .()\\[\\]{}\"'`:=<>0-9|^&*~?ü/\\\\-]{0,24}") {
            if let Err(refused) = parser::parse(&text) {
                let error = syntax_error(&text, &refused);
                prop_assert!(error.position.is_some_and(|position| position as usize <= text.chars().count()));
            }
        }
    }
}
