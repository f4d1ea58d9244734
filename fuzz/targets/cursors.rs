//! Whatever comes as a cursor, an id or a moment: it is refused, or it is the one text of its value.
#![no_main]

use hookswitch_domain::cursor::{seal, unseal};
use hookswitch_domain::id::{from_text, to_text};
use hookswitch_domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    assert_eq!(unseal(&seal(data)).as_deref(), Some(data));
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(place) = unseal(text) {
        assert_eq!(seal(&place), text);
    }
    if let Ok(id) = from_text("iwh", text) {
        assert_eq!(to_text("iwh", id), text);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        assert_eq!(moment.to_string().parse::<Timestamp>(), Ok(moment), "{text}");
    }
});
