//! `type: command`: any program that runs until it is stopped, with the keys of a plain application of old.

use smack_model::{Problems, Retry, Span};
use smack_stack::Application;

use crate::program::{self, Kind};
use crate::{Built, FieldSchema, Service, Surroundings};

/// The service.
#[derive(Debug)]
pub(crate) struct Command;

impl Service for Command {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn doc(&self) -> &'static str {
        "Any program that runs until it is stopped."
    }

    fn fields(&self) -> &'static [FieldSchema] {
        program::COMMAND_FIELDS
    }

    fn is_on_java(&self) -> bool {
        false
    }

    fn spec(
        &self,
        application: &Application,
        surroundings: &Surroundings<'_>,
    ) -> Result<Built, Problems> {
        program::spec(
            application,
            surroundings,
            &Kind::Command,
            (Retry::default(), Span::minutes(5)),
        )
    }
}
