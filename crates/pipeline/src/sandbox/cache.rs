//! A worker's compiled expressions. Two generations bound it without bookkeeping per use: when the young one
//! is full it becomes the old one, and what is still in use moves over on its next use.

use std::collections::HashMap;
use std::rc::Rc;

use hookswitch_domain::mapping::ExpressionError;
use jsonata_core::Expression;

use super::syntax;

/// Of source text, per generation. A tree takes some hundred times its text at worst.
const TEXT_BYTES_MAX: usize = 128 * 1024;
const ENTRIES_MAX: usize = 1_024;

#[derive(Default)]
pub struct Cache {
    young: HashMap<String, Rc<Expression>>,
    old: HashMap<String, Rc<Expression>>,
    text_bytes: usize,
}

impl Cache {
    pub fn compiled(&mut self, text: &str) -> Result<Rc<Expression>, ExpressionError> {
        if let Some(expression) = self.young.get(text) {
            return Ok(Rc::clone(expression));
        }
        let expression = match self.old.remove(text) {
            Some(expression) => expression,
            None => Rc::new(Expression::compile(text).map_err(|error| syntax::syntax_error(text, &error))?),
        };
        if self.text_bytes + text.len() > TEXT_BYTES_MAX || self.young.len() >= ENTRIES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.text_bytes = 0;
        }
        self.text_bytes += text.len();
        self.young.insert(text.to_owned(), Rc::clone(&expression));
        Ok(expression)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        let first = cache.compiled("in.use").unwrap();
        for number in 0..5 * ENTRIES_MAX {
            cache.compiled(&format!("a{number}")).unwrap();
            assert!(Rc::ptr_eq(&first, &cache.compiled("in.use").unwrap()));
        }
        assert!(cache.young.len() <= ENTRIES_MAX && cache.old.len() <= ENTRIES_MAX);
    }

    #[test]
    fn a_syntax_error_is_not_kept() {
        let mut cache = Cache::default();
        assert_eq!(cache.compiled("a b").err().map(|error| error.code), Some("S0201".to_owned()));
        assert!(cache.young.is_empty());
    }
}
