//! The macro that turns a list of documented fields into a struct, its reader and its schema.

/// Declares a struct that is read from a map with known keys.
///
/// Each field is `required key: Type` (a plain field) or `optional key: Type` (an `Option`), and its
/// doc comment is what editors show for the key. The struct gets [`Decode`](super::Decode),
/// [`Describe`](super::Describe), and a `take` that leaves foreign keys to others, for maps that two
/// structs share.
macro_rules! object {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident: $what:literal {
            $( $(#[doc = $doc:literal])* $mode:ident $field:ident $(($key:literal))?: $type:ty, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $doc])* pub $field: $crate::yaml::object!(@type $mode $type), )*
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

        impl $crate::yaml::Keys for $name {
            fn keys(definitions: &mut $crate::yaml::Definitions) -> Vec<$crate::yaml::Key> {
                vec![$( $crate::yaml::Key {
                    name: $crate::yaml::object!(@key $field $($key)?),
                    description: $crate::yaml::described(&[$($doc),*]),
                    is_required: $crate::yaml::object!(@required $mode),
                    schema: <$type as $crate::yaml::Describe>::schema(definitions),
                }, )*]
            }
        }

        impl $crate::yaml::Describe for $name {
            fn schema(definitions: &mut $crate::yaml::Definitions) -> serde_json::Value {
                definitions.refer_to::<Self>(stringify!($name), |definitions| {
                    let keys = <Self as $crate::yaml::Keys>::keys(definitions);
                    $crate::yaml::object_schema(&$crate::yaml::described(&[$($about),*]), &keys)
                })
            }
        }
    };
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@required required) => { true };
    (@required optional) => { false };
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
