//! The stack language from outside: tables of files and what they come to.

mod language {
    mod chains;
    pub(crate) mod harness;
    mod legacy;
    mod marathon;
    mod precedence;
    mod reading;
    mod robust;
    mod schema;
    mod wrong;
}
