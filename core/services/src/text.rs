//! Texts of a stack become templates: references to exports are holes.

use smack_model::{Piece, Template};
use smack_stack::Text;

/// The same text with `${application.name}` as holes.
pub(crate) fn template(text: &Text) -> Template {
    text.pieces
        .iter()
        .fold(Template::new(), |template, piece| match piece {
            smack_stack::Piece::Literal(literal) => template.text(literal.as_str()),
            smack_stack::Piece::Export {
                application, name, ..
            } => template.piece(Piece::Export(application.clone(), name.clone())),
        })
}
