//! Resources found by their type.

use std::{
    any::{Any, TypeId, type_name},
    collections::BTreeMap,
    fmt,
    sync::Arc,
};

use dashmap::DashMap;

use super::CpuData;
use crate::{
    error::{Error, Result},
    resource::{GpuBuffer, GpuImage, ImageRole},
};

/// Candidates that an error lists.
const MOST_LISTED: usize = 12;

/// What a [`Registry`] keeps: handles.
#[diagnostic::on_unimplemented(
    message = "a registry keeps no `{Self}`",
    label = "no handle of a resource",
    note = "it keeps `GpuBuffer<T>`, `GpuImage<R>` and `CpuData<T>`; wrap a value of the CPU in `vulkio::CpuData::new(..)`"
)]
pub trait Registered: Clone + Send + Sync + 'static {}

impl<T: 'static> Registered for GpuBuffer<T> {}
impl<R: ImageRole> Registered for GpuImage<R> {}
impl<T: Send + Sync + 'static> Registered for CpuData<T> {}

/// Handles of resources by their type: any number of each, told apart by name. A cheap handle itself.
///
/// Systems in the unit-struct form find their resources here when a schedule is [run](crate::Graph::run): what is inserted
/// after that, the next run finds.
///
/// ```
/// use vulkio::{CpuData, Registry};
///
/// struct Score(u32);
///
/// let registry = Registry::new();
/// registry.insert("left", CpuData::new(Score(1)));
/// let only: CpuData<Score> = registry.get()?;
/// registry.insert("right", CpuData::new(Score(2)));
/// let error = registry.get::<CpuData<Score>>().unwrap_err();
/// assert!(error.to_string().contains("2 of `CpuData<Score>` in the registry: `left`, `right`"));
/// let right: CpuData<Score> = registry.get_named("right")?;
/// # Ok::<(), vulkio::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    types: Arc<DashMap<TypeId, Handles>>,
}

/// The handles of one type.
struct Handles {
    type_name: &'static str,
    by_name: BTreeMap<Arc<str>, Box<dyn Any + Send + Sync>>,
}

impl Handles {
    fn names(&self) -> impl Iterator<Item = String> {
        self.by_name.keys().map(|name| format!("`{name}`"))
    }
}

impl Registry {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a handle, and gives back the one of its type that had this name before.
    pub fn insert<H: Registered>(&self, name: &str, handle: H) -> Option<H> {
        let mut handles = self.types.entry(TypeId::of::<H>()).or_insert_with(|| Handles::of(type_name::<H>()));
        let before = handles.by_name.insert(name.into(), Box::new(handle));
        drop(handles);
        before.and_then(into)
    }

    /// Gives a handle back and keeps it no longer.
    pub fn remove<H: Registered>(&self, name: &str) -> Option<H> {
        let mut handles = self.types.get_mut(&TypeId::of::<H>())?;
        let before = handles.by_name.remove(name);
        drop(handles);
        before.and_then(into)
    }

    /// The one handle of this type.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph), with the candidates, if there is none or more than one.
    pub fn get<H: Registered>(&self) -> Result<H> {
        let handles = self.types.get(&TypeId::of::<H>());
        let mut all = handles.iter().flat_map(|handles| handles.by_name.values());
        match (all.next(), all.next()) {
            (Some(only), None) => only.downcast_ref().cloned().ok_or_else(|| self.none::<H>()),
            (None, _) => {
                drop(all);
                drop(handles); // the list of candidates looks at every type
                Err(self.none::<H>())
            }
            (Some(_), Some(_)) => {
                drop(all);
                let names = handles.iter().flat_map(|handles| handles.names()).collect();
                Err(several::<H>(names))
            }
        }
    }

    /// The handle of this type and name.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph), with the candidates, if there is none.
    pub fn get_named<H: Registered>(&self, name: &str) -> Result<H> {
        let handles = self.types.get(&TypeId::of::<H>());
        let found = handles.as_ref().and_then(|handles| handles.by_name.get(name)?.downcast_ref().cloned());
        drop(handles);
        found.ok_or_else(|| self.not_called::<H>(name))
    }

    /// Nothing is of this type.
    fn none<H: Registered>(&self) -> Error {
        let wanted = type_name::<H>();
        let mut candidates = self.candidates(wanted);
        candidates.sort();
        let has = if candidates.is_empty() { "nothing at all".to_owned() } else { listed(candidates) };
        Error::Graph(format!(
            "no `{}` in the registry, which has {has}; insert one with `registry.insert(\"..\", ..)`",
            short(wanted)
        ))
    }

    /// Everything there is, with its type in full where that would read as what was wanted.
    fn candidates(&self, wanted: &'static str) -> Vec<String> {
        let named = |handles: &Handles| -> Vec<String> {
            let alike = short(handles.type_name) == short(wanted);
            let of = if alike { handles.type_name.to_owned() } else { short(handles.type_name) };
            let alike = if alike { " (another type of that name)" } else { "" };
            handles.names().map(|name| format!("{name}: {of}{alike}")).collect()
        };
        self.types.iter().flat_map(|handles| named(handles.value())).collect()
    }

    /// Nothing of this type has this name.
    fn not_called<H: Registered>(&self, name: &str) -> Error {
        let own: Vec<_> = match self.types.get(&TypeId::of::<H>()) {
            Some(handles) => handles.names().collect(),
            None => Vec::new(),
        };
        if own.is_empty() {
            return self.none::<H>();
        }
        let others = self.types.iter().filter(|handles| handles.by_name.contains_key(name));
        let others: Vec<_> = others.map(|handles| short(handles.type_name)).collect();
        let others = match others.is_empty() {
            true => String::new(),
            false => format!(" (`{name}` is of type {})", others.join(", ")),
        };
        let wanted = short(type_name::<H>());
        Error::Graph(format!("no `{wanted}` in the registry is called `{name}`; there is {}{others}", listed(own)))
    }
}

impl Handles {
    fn of(type_name: &'static str) -> Self {
        Self { type_name, by_name: BTreeMap::new() }
    }
}

fn into<H: Registered>(handle: Box<dyn Any + Send + Sync>) -> Option<H> {
    handle.downcast().ok().map(|handle| *handle)
}

/// Which one is meant, nothing says.
fn several<H: Registered>(names: Vec<String>) -> Error {
    let (count, wanted) = (names.len(), short(type_name::<H>()));
    Error::Graph(format!(
        "{count} of `{wanted}` in the registry: {}; say which by its name: `{wanted} = \"..\"` in the system's attribute, or \
         `registry.get_named(\"..\")`",
        listed(names)
    ))
}

/// As many as one wants to read.
fn listed(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(MOST_LISTED);
    all.truncate(MOST_LISTED);
    let all = all.join(", ");
    if more > 0 { format!("{all} and {more} more") } else { all }
}

/// A type's name without the paths in it.
pub(crate) fn short(type_name: &str) -> String {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut rest = type_name;
    let mut out = String::with_capacity(rest.len());
    while let Some(letter) = rest.chars().next() {
        if is_path(letter) {
            let end = rest.find(|letter| !is_path(letter)).unwrap_or(rest.len());
            out += rest[..end].rsplit("::").next().unwrap_or_default();
            rest = &rest[end..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for handles in self.types.iter() {
            all.entry(short(handles.type_name)).or_default().extend(handles.by_name.keys().map(Arc::clone));
        }
        f.debug_map().entries(all).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    mod other {
        pub(super) struct Score;
    }

    #[derive(Debug, PartialEq)]
    struct Score(u32);

    type Cell = CpuData<Score>;

    fn scores<const N: usize>(names: [&str; N]) -> Registry {
        let registry = Registry::new();
        for (number, name) in (0..).zip(names) {
            assert!(registry.insert(name, CpuData::new(Score(number))).is_none());
        }
        registry
    }

    async fn number(cell: Result<Cell>) -> u32 {
        cell.expect("found").read().await.0
    }

    fn refusal<H: Registered>(result: Result<H>) -> String {
        match result {
            Ok(_) => panic!("found"),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn the_only_one_of_its_type_needs_no_name() {
        let registry = scores(["left"]);
        registry.insert("left", CpuData::new(7_u8));
        assert_eq!(number(registry.get()).await, 0);
        assert_eq!(number(registry.get_named("left")).await, 0);
    }

    #[tokio::test]
    async fn of_two_a_name_says_which_and_without_one_both_are_listed() {
        let registry = scores(["right", "left"]);
        assert_eq!(number(registry.get_named("left")).await, 1);
        let expected = "graph: 2 of `CpuData<Score>` in the registry: `left`, `right`; say which by its name: \
                        `CpuData<Score> = \"..\"` in the system's attribute, or `registry.get_named(\"..\")`";
        assert_eq!(refusal(registry.get::<Cell>()), expected);
    }

    #[test]
    fn where_there_is_none_all_else_is_listed() {
        let registry = Registry::new();
        let empty = "graph: no `CpuData<Score>` in the registry, which has nothing at all; insert one with \
                     `registry.insert(\"..\", ..)`";
        assert_eq!(refusal(registry.get::<Cell>()), empty);
        assert_eq!(refusal(registry.get_named::<Cell>("left")), empty);
        registry.insert("b", CpuData::new(1_u8));
        registry.insert("a", CpuData::new(vec![1_u8]));
        let error = refusal(registry.get::<Cell>());
        assert!(error.contains("which has `a`: CpuData<Vec<u8>>, `b`: CpuData<u8>;"), "{error}");
    }

    #[test]
    fn another_type_of_the_same_name_is_told_by_its_path() {
        let registry = Registry::new();
        registry.insert("left", CpuData::new(other::Score));
        let error = refusal(registry.get::<Cell>());
        assert!(error.contains("tests::other::Score> (another type of that name)"), "{error}");
    }

    #[test]
    fn a_wrong_name_is_told_with_the_right_ones_and_with_what_it_names() {
        let registry = scores(["left", "right"]);
        registry.insert("up", CpuData::new(1_u8));
        let error = refusal(registry.get_named::<Cell>("up"));
        let expected = "graph: no `CpuData<Score>` in the registry is called `up`; there is `left`, `right` (`up` is of type CpuData<u8>)";
        assert_eq!(error, expected);
    }

    #[test]
    fn long_lists_end() {
        let registry = Registry::new();
        (0..20).for_each(|n| drop(registry.insert(&format!("n{n:02}"), CpuData::new(n))));
        let error = refusal(registry.get::<CpuData<i32>>());
        assert!(error.starts_with("graph: 20 of ") && error.contains("`n11` and 8 more"), "{error}");
    }

    #[tokio::test]
    async fn a_name_given_twice_gives_the_handle_before_back() {
        let registry = scores(["left"]);
        let clone = registry.clone();
        let before = registry.insert("left", CpuData::new(Score(5)));
        assert_eq!(before.expect("there was one").read().await.0, 0);
        assert_eq!(number(clone.get()).await, 5, "a clone is the same registry");
        assert_eq!(clone.remove::<Cell>("left").expect("there is one").read().await.0, 5);
        assert!(registry.get::<Cell>().is_err() && registry.remove::<Cell>("left").is_none());
        assert_eq!(format!("{registry:?}"), "{\"CpuData<Score>\": []}");
    }

    #[test]
    fn names_of_types_lose_their_paths() {
        assert_eq!(short("a::b::C<d::E, [f::G; 3], (h::I, &str)>"), "C<E, [G; 3], (I, &str)>");
    }
}
