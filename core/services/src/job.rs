//! `type: job`: a program that runs to its end; ready when it has ended well. `run-once` is its name of old.

use smack_model::{Problems, Retry, Span};
use smack_stack::Application;

use crate::program::{self, Kind};
use crate::{Built, FieldSchema, Service, Surroundings};

/// The service.
#[derive(Debug)]
pub(crate) struct Job;

impl Service for Job {
    fn kind(&self) -> &'static str {
        "job"
    }

    fn doc(&self) -> &'static str {
        "A program that runs to its end; what depends on it waits for that."
    }

    fn fields(&self) -> &'static [FieldSchema] {
        program::JOB_FIELDS
    }

    fn is_on_java(&self) -> bool {
        false
    }

    /// As of old a `run-once` is not tried again and does not run again when it changes.
    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems> {
        let is_old = application.kind.value == "run-once";
        let retry = Retry {
            max_tries: if is_old { 1 } else { 3 },
            ..Retry::default()
        };
        program::spec(
            application,
            surroundings,
            &Kind::Job { once: is_old },
            (retry, Span::minutes(24 * 60)),
        )
    }
}
