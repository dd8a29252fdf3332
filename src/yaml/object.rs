//! The macro that turns a list of documented fields into a struct and its reader.

/// Declares a struct that is read from a map with known keys.
///
/// Each field is `required key: Type` (a plain field) or `optional key: Type` (an `Option`). The
/// struct gets [`Decode`](super::Decode) and a `take` that leaves foreign keys to others, for
/// maps that two structs share.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: $what:literal {
            $( $(#[$doc:meta])* $mode:ident $field:ident $(($key:literal))?: $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[$doc])* pub $field: $crate::yaml::object!(@type $mode $type), )*
        }

        impl $name {
            /// Takes the keys of this struct and leaves the others.
            pub fn take(
                entries: &mut $crate::yaml::Entries<'_>,
                context: &mut $crate::yaml::Context,
            ) -> Option<Self> {
                // All fields are read before the first `?`, so that every mistake is recorded.
                $( let $field = $crate::yaml::object!(
                    @read $mode entries, $what, context, $crate::yaml::object!(@key $field $($key)?)
                ); )*
                Some(Self { $( $field: $field?, )* })
            }
        }

        impl $crate::yaml::Decode for $name {
            fn decode(
                node: &$crate::yaml::Node,
                context: &mut $crate::yaml::Context,
            ) -> Option<Self> {
                let mut entries = $crate::yaml::Entries::new(node, $what, context)?;
                let value = Self::take(&mut entries, context);
                entries.finish($what, context);
                value
            }
        }
    };
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
    (@read required $entries:ident, $what:literal, $context:ident, $key:expr) => {
        $entries.required($key, $what, $context)
    };
    (@read optional $entries:ident, $what:literal, $context:ident, $key:expr) => {
        $entries.optional($key, $context)
    };
}
pub(crate) use object;
