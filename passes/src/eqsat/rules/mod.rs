//! The rules: equations between terms, by topic. Their table is the one place that names them; options, the page
//! `docs/rules.md` and reports come from it.
//!
//! A rule never looks at a model's or a layer's name, and never at costs: what is equal is added, what is cheap is
//! extracted. What a rule makes and its op's shape rule refuses (a pool padded as wide as its window) is not equal to
//! anything: so shape rules are guards that no rule repeats.

mod batch_norm;
mod fusion;
mod grouped;
mod identity;
mod implementation;
mod layout;
mod linear;
mod pad;
mod product;

use ait_dialects::{Activation, Layout};
use egg::{ENodeOrVar, Id, Language, Pattern, PatternAst, Searcher, Subst, Var};

use super::analysis::{Fact, Graph, Tensor, activation, leaf, tensor, window};
use super::term::{Leaf, Term, Window};

/// An equation between terms.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name in options, reports and docs.
    pub name: &'static str,
    /// The rules of a topic are switched together.
    pub topic: &'static str,
    /// What it says, for readers.
    pub equation: &'static str,
    /// The left side, a pattern.
    pub find: &'static str,
    /// The right side.
    pub make: Make,
}

/// The right side of a rule.
#[derive(Clone, Copy)]
pub enum Make {
    /// A pattern, always.
    Always(&'static str),
    /// A pattern, where the condition holds.
    If(&'static str, fn(&Match) -> bool),
    /// What a function makes: any number of equal terms.
    Terms(fn(&mut Match) -> Option<Vec<Id>>),
}

/// Every rule, by topic.
pub fn all() -> Vec<Rule> {
    [
        batch_norm::RULES,
        fusion::RULES,
        pad::RULES,
        identity::RULES,
        product::RULES,
        linear::RULES,
        grouped::RULES,
        layout::RULES,
        implementation::RULES,
    ]
    .concat()
}

/// The topics, in order.
pub fn topics() -> Vec<&'static str> {
    let mut topics: Vec<_> = all().iter().map(|rule| rule.topic).collect();
    topics.dedup();
    topics
}

/// The rules that a comma-separated list of topics and names asks for: all if it is `all`.
///
/// # Errors
/// Names a word that is neither.
pub fn named(list: &str) -> Result<Vec<Rule>, String> {
    let rules = all();
    let words: Vec<_> = list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let is = |word: &str, rule: &Rule| [rule.name, rule.topic, "all"].contains(&word);
    if let Some(word) = words.iter().find(|word| !rules.iter().any(|rule| is(word, rule))) {
        let topics = topics().join(", ");
        return Err(format!("'{word}' is no rule; topics are {topics} and all, rules are in docs/rules.md"));
    }
    Ok(rules.into_iter().filter(|rule| words.iter().any(|word| is(word, rule))).collect())
}

/// `docs/rules.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Rules of `ait-eqsat`\n\nGenerated from `passes/src/eqsat/rules`; `AIT_UPDATE=1 cargo test -p ait-passes` rewrites it. \
         `ait-eqsat{rules=...}` takes topics and names. How to add one: [add-a-rule.md](add-a-rule.md).\n",
    );
    for topic in topics() {
        text.push_str(&format!("\n## `{topic}`\n| rule | equation |\n|---|---|\n"));
        for rule in all().iter().filter(|rule| rule.topic == topic) {
            text.push_str(&format!("| `{}` | {} |\n", rule.name, rule.equation.replace('|', "\\|")));
        }
    }
    text
}

impl Rule {
    /// Its patterns, parsed.
    ///
    /// # Errors
    /// If one is malformed.
    pub fn compiled(&self) -> Result<Compiled, String> {
        let fail = |message: String| format!("rule '{}': {message}", self.name);
        let parse = |text: &str| text.parse::<Pattern<Term>>().map_err(|error| fail(error.to_string()));
        let find = parse(self.find)?;
        let right = match self.make {
            Make::Always(text) | Make::If(text, _) => Some(parse(text)?.ast),
            Make::Terms(_) => None,
        };
        let root = match find.ast.as_ref().last() {
            Some(ENodeOrVar::ENode(term)) => term.discriminant(),
            _ => return Err(fail("finds any term".to_owned())),
        };
        Ok(Compiled { rule: *self, levels: levels(&find.ast), find, right, root })
    }
}

/// Ops that are nested in a pattern.
fn levels(pattern: &PatternAst<Term>) -> usize {
    let mut levels: Vec<usize> = vec![];
    for node in pattern.as_ref() {
        let deepest = node.children().iter().filter_map(|&child| levels.get(usize::from(child))).max();
        levels.push(deepest.map_or(0, |deepest| deepest + 1));
    }
    levels.last().copied().unwrap_or(0)
}

/// Terms of a class that a chain may have in any way.
const SHORT_CHAIN: usize = 4;

/// A place where a rule's left side was found.
pub struct Match<'a> {
    /// The graph.
    pub graph: &'a mut Graph,
    subst: &'a Subst,
    find: &'a PatternAst<Term>,
    class: Id,
}

impl Match<'_> {
    /// The class of a variable, without its question mark; the whole term for one that is not there.
    pub fn id(&self, variable: &str) -> Id {
        let var = format!("?{variable}").parse::<Var>().ok();
        var.and_then(|var| self.subst.get(var).copied()).unwrap_or(self.class)
    }

    /// The tensor that a variable is.
    pub fn tensor(&self, variable: &str) -> Option<&Tensor> {
        tensor(self.graph, self.id(variable))
    }

    /// The tensor of the whole term.
    pub fn result(&self) -> Option<&Tensor> {
        tensor(self.graph, self.class)
    }

    /// The window that a variable is.
    pub fn window(&self, variable: &str) -> Option<Window> {
        window(self.graph, self.id(variable))
    }

    /// The activation that a variable is.
    pub fn activation(&self, variable: &str) -> Option<Activation> {
        activation(self.graph, self.id(variable))
    }

    /// The leaf that a variable is.
    pub fn leaf(&self, variable: &str) -> Option<&Leaf> {
        leaf(self.graph, self.id(variable))
    }

    /// Whether the variables are all constants.
    pub fn are_constant(&self, variables: &[&str]) -> bool {
        variables.iter().all(|name| self.tensor(name).is_some_and(|tensor| tensor.is_constant))
    }

    /// Whether the variables are all finite constants without a pattern: what may be multiplied with each other.
    pub fn are_plain(&self, variables: &[&str]) -> bool {
        let is_plain = |tensor: &Tensor| tensor.is_constant && tensor.is_finite() && tensor.pattern.is_none();
        variables.iter().all(|name| self.tensor(name).is_some_and(is_plain))
    }

    /// Whether the result is an image in NCHW: other layouts come from that by the rules of `layout`.
    pub fn is_logical_image(&self) -> bool {
        self.result().is_some_and(|result| result.shape.len() == 4 && result.layout == Layout::Nchw)
    }

    /// The term that was found.
    pub fn term(&self) -> Option<Term> {
        self.ops()?.pop().map(|(term, _)| term)
    }

    /// The ops that were found, with their classes, the whole term last.
    fn ops(&self) -> Option<Vec<(Term, Id)>> {
        let (mut ids, mut ops): (Vec<Id>, _) = (vec![], vec![]);
        for node in self.find.as_ref() {
            let id = match node {
                ENodeOrVar::Var(var) => *self.subst.get(*var)?,
                ENodeOrVar::ENode(term) => {
                    let term = term.clone().map_children(|child| ids[usize::from(child)]);
                    let id = self.graph.lookup(term.clone())?;
                    ops.push((term, id));
                    id
                }
            };
            ids.push(id);
        }
        Some(ops)
    }

    /// A new term.
    pub fn add(&mut self, term: Term) -> Id {
        // An explanation tells spellings of a term apart.
        if self.graph.are_explanations_enabled() {
            self.graph.add_uncanonical(term)
        } else {
            self.graph.add(term)
        }
    }

    /// A new term for the class that was found; none if that has one like it: the same op of the same tensors with the same
    /// attributes, its constants aside. Constants cost nothing, so that one is as good as the other; keeping both would
    /// make every way to multiply a chain of constants a term of its own.
    pub fn add_root(&mut self, term: Term) -> Option<Id> {
        let is_like = |other: &Term| is_like(self.graph, &term, other);
        if !self.graph[self.class].nodes.iter().any(is_like) {
            return Some(self.add(term));
        }
        // What the rule says is known.
        self.graph.analysis.fired.insert(self.graph.analysis.rule);
        None
    }

    /// Whether an op after one of its kind, `f(g(x))`, is where their chain is to be combined; `variable` is the `x`,
    /// and `operand` tells what the ops of the chain are applied to; none for others.
    ///
    /// It is where both classes have no op of the chain with an earlier operand. Each class is so combined with what is the
    /// furthest away as yet: all of a chain meet in a logarithmic number of steps, with as many terms for each class. All
    /// pairs would be a square of terms, and all ways to pair them exponentially many. A short chain has all pairs.
    pub fn is_link(&self, variable: &str, operand: impl Fn(&Self, &Term) -> Option<Id>) -> bool {
        let is_first = |class: Id, least: Id| {
            let operands = self.graph[class].nodes.iter().filter_map(|term| operand(self, term));
            let others = operands.map(|id| self.graph.find(id)).filter(|&id| id != self.graph.find(class));
            let others: Vec<Id> = others.collect();
            others.len() < SHORT_CHAIN || others.iter().all(|&other| other >= self.graph.find(least))
        };
        let inner = self.ops().and_then(|ops| {
            let ((root, _), nested) = ops.split_last()?;
            nested.iter().find(|(term, _)| term.matches(root)).map(|(_, id)| *id)
        });
        inner.is_some_and(|inner| is_first(self.class, inner) && is_first(inner, self.id(variable)))
    }

    /// Whether a class is that of a variable.
    pub fn is(&self, variable: &str, id: Id) -> bool {
        self.graph.find(self.id(variable)) == self.graph.find(id)
    }

    /// Whether a variable's class has such a term.
    pub fn has(&self, variable: &str, is_wanted: impl Fn(&Term) -> bool) -> bool {
        self.graph[self.id(variable)].nodes.iter().any(is_wanted)
    }

    /// The left side, as it was found.
    fn left(&mut self) -> Option<Id> {
        self.instance(self.find)
    }

    /// A pattern with what its variables are.
    fn instance(&mut self, pattern: &PatternAst<Term>) -> Option<Id> {
        let ids = self.instances(pattern.as_ref())?;
        ids.last().copied()
    }

    /// A pattern for the class that was found, unless that has a term like it.
    fn root_instance(&mut self, pattern: &PatternAst<Term>) -> Option<Id> {
        let (root, rest) = pattern.as_ref().split_last()?;
        let ids = self.instances(rest)?;
        match root {
            ENodeOrVar::Var(var) => self.subst.get(*var).copied(),
            ENodeOrVar::ENode(term) => {
                self.add_root(term.clone().map_children(|child| ids[usize::from(child)]))
            }
        }
    }

    fn instances(&mut self, nodes: &[ENodeOrVar<Term>]) -> Option<Vec<Id>> {
        let mut ids: Vec<Id> = vec![];
        for node in nodes {
            let id = match node {
                ENodeOrVar::Var(var) => *self.subst.get(*var)?,
                ENodeOrVar::ENode(term) => {
                    let term = term.clone().map_children(|child| ids[usize::from(child)]);
                    self.add(term)
                }
            };
            ids.push(id);
        }
        Some(ids)
    }

    /// A tensor in another shape.
    pub fn reshape(&mut self, id: Id, shape: Vec<i64>, site: Id) -> Id {
        let dims = self.add_leaf(Leaf::Dims(shape));
        self.add(Term::Reshape([id, dims, site]))
    }

    /// A leaf as a term.
    pub fn add_leaf(&mut self, leaf: Leaf) -> Id {
        self.graph.add(Term::Leaf(leaf))
    }

    /// `id` in a layout.
    pub fn convert(&mut self, id: Id, layout: Layout) -> Id {
        let layout = self.add_leaf(Leaf::Layout(layout));
        self.add(Term::Convert([id, layout]))
    }
}

/// Whether two terms are the same op of the same tensors with the same attributes, but for constants and the op of the
/// module that they come from.
fn is_like(graph: &Graph, left: &Term, right: &Term) -> bool {
    let is_pair = |(&left, &right): (&Id, &Id)| {
        if graph.find(left) == graph.find(right) {
            return true;
        }
        match (&graph[left].data.fact, &graph[right].data.fact) {
            (Fact::Leaf(Leaf::Site(_)), Fact::Leaf(Leaf::Site(_))) => true,
            (Fact::Tensor(left), Fact::Tensor(right)) => {
                let are_constant = left.is_constant && right.is_constant;
                are_constant && left.shape == right.shape && left.pattern == right.pattern
            }
            _ => false,
        }
    };
    left.matches(right) && left.children().iter().zip(right.children()).all(is_pair)
}

/// A rule that can be applied.
pub struct Compiled {
    /// The rule.
    pub rule: Rule,
    /// The op that its left side is.
    root: std::mem::Discriminant<Term>,
    /// Ops that are nested in its left side: so far down a change makes it fit where it did not.
    pub levels: usize,
    find: Pattern<Term>,
    right: Option<PatternAst<Term>>,
}

impl Compiled {
    /// The places where the left side is found among the classes that `is_wanted` says, at most so many.
    pub fn search(
        &self,
        graph: &Graph,
        most: usize,
        is_wanted: impl Fn(Id) -> bool,
    ) -> Vec<(Id, Vec<Subst>)> {
        let (mut found, mut left) = (vec![], most);
        for class in graph.classes_for_op(&self.root).into_iter().flatten().filter(|&id| is_wanted(id)) {
            if let Some(matches) = self.find.search_eclass_with_limit(graph, class, left) {
                left -= matches.substs.len();
                found.push((class, matches.substs));
            }
            if left == 0 {
                break;
            }
        }
        found
    }

    fn made(&self, found: &mut Match) -> Option<Vec<Id>> {
        match (&self.rule.make, &self.right) {
            (Make::If(_, holds), _) if !holds(found) => None,
            (Make::Terms(make), _) => make(found),
            (_, Some(right)) => found.root_instance(right).map(|id| vec![id]),
            _ => None,
        }
    }

    /// Adds what the rule says of a place.
    pub fn apply(&self, graph: &mut Graph, class: Id, subst: &Subst) {
        let is_refused = |graph: &Graph, id: Id| matches!(graph[id].data.fact, Fact::Refused(_));
        if graph.analysis.fault.is_some() || is_refused(graph, class) {
            return;
        }
        graph.analysis.rule = self.rule.name;
        let mut found = Match { graph, subst, find: &self.find.ast, class };
        let made = self.made(&mut found).unwrap_or_default();
        let left = match found.graph.are_explanations_enabled() {
            true => found.left().unwrap_or(class),
            false => class,
        };
        for id in made {
            if is_refused(graph, id) {
                continue;
            }
            graph.analysis.fired.insert(self.rule.name);
            graph.union_trusted(left, id, self.rule.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_well_formed_and_names_unique() {
        let mut names: Vec<_> = all().iter().map(|rule| rule.name).collect();
        all().iter().for_each(|rule| drop(rule.compiled().unwrap()));
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(topics().iter().all(|topic| !names.contains(topic)));
    }

    #[test]
    fn lists_of_rules() {
        assert_eq!(named("all").unwrap().len(), all().len());
        let some = named("pad, add-zero").unwrap();
        assert!(some.iter().all(|rule| rule.topic == "pad" || rule.name == "add-zero") && some.len() == 4);
        assert!(named("fusoin").is_err_and(|error| error.starts_with("'fusoin' is no rule")));
    }

    /// `AIT_UPDATE=1 cargo test -p ait-passes` rewrites the page.
    #[test]
    fn the_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules.md");
        if std::env::var_os("AIT_UPDATE").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), markdown());
    }
}
