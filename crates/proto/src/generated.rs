//! Everything that the build script writes.

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

pub mod table {
    use crate::rpcs::{PathFields, QueryField, QueryKind, Rpc};
    include!(concat!(env!("OUT_DIR"), "/rpcs.rs"));
}

mod validation {
    use crate::rule;
    use crate::validate::{Surface, Validate, Violation};
    include!(concat!(env!("OUT_DIR"), "/validation.rs"));
}

mod narrowing {
    use crate::narrow::Narrow;
    include!(concat!(env!("OUT_DIR"), "/narrow.rs"));
}

pub mod docs {
    include!(concat!(env!("OUT_DIR"), "/docs.rs"));
}
