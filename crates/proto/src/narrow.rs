//! Takes out of a message what v2beta does not have.

/// Messages that can be cut down to their v2beta shape.
pub trait Narrow {
    /// Removes the fields that v2beta does not have. To a reader of v2beta they are unknown fields, so a
    /// query of a newer kind leaves an empty oneof behind, which validation then refuses.
    fn narrow(&mut self);
}
