//! What is wrong with a derive's input: all of it, not only the first.

use std::fmt::Display;

use proc_macro2::Span;
use syn::{Error, Result};

#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    /// Notes a mistake at a place.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.note(Error::new(span, message));
    }

    pub(crate) fn note(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value, if there is one; else its mistake is noted.
    pub(crate) fn ok<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.note(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// # Errors
    /// All that was noted.
    pub(crate) fn end(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
