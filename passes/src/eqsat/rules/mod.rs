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
use egg::{Applier, ENodeOrVar, Id, Language, Pattern, PatternAst, Rewrite, Subst, Symbol, Var};

use super::analysis::{Fact, Facts, Graph, Tensor, activation, leaf, tensor, window};
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
    /// As egg runs it.
    ///
    /// # Errors
    /// If a pattern is malformed.
    pub fn rewrite(&self) -> Result<Rewrite<Term, Facts>, String> {
        let fail = |message: String| format!("rule '{}': {message}", self.name);
        let parse = |text: &str| text.parse::<Pattern<Term>>().map_err(|error| fail(error.to_string()));
        let find = parse(self.find)?;
        let right = match self.make {
            Make::Always(text) | Make::If(text, _) => Some(parse(text)?.ast),
            Make::Terms(_) => None,
        };
        Rewrite::new(self.name, find.clone(), Apply { rule: *self, find: find.ast, right }).map_err(fail)
    }
}

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
        let mut ids: Vec<Id> = vec![];
        let mut found = None;
        for node in self.find.as_ref() {
            let id = match node {
                ENodeOrVar::Var(var) => *self.subst.get(*var)?,
                ENodeOrVar::ENode(term) => {
                    let term = term.clone().map_children(|child| ids[usize::from(child)]);
                    found = Some(term.clone());
                    self.graph.lookup(term)?
                }
            };
            ids.push(id);
        }
        found
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

    /// The left side, as it was found.
    fn left(&mut self) -> Option<Id> {
        self.instance(self.find)
    }

    /// A pattern with what its variables are.
    fn instance(&mut self, pattern: &PatternAst<Term>) -> Option<Id> {
        let mut ids: Vec<Id> = vec![];
        for node in pattern.as_ref() {
            let id = match node {
                ENodeOrVar::Var(var) => *self.subst.get(*var)?,
                ENodeOrVar::ENode(term) => {
                    let term = term.clone().map_children(|child| ids[usize::from(child)]);
                    self.add(term)
                }
            };
            ids.push(id);
        }
        ids.pop()
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

/// What egg calls where the left side was found.
struct Apply {
    rule: Rule,
    find: PatternAst<Term>,
    right: Option<PatternAst<Term>>,
}

impl Apply {
    fn made(&self, found: &mut Match) -> Option<Vec<Id>> {
        match (&self.rule.make, &self.right) {
            (Make::If(_, holds), _) if !holds(found) => None,
            (Make::Terms(make), _) => make(found),
            (_, Some(right)) => found.instance(right).map(|id| vec![id]),
            _ => None,
        }
    }
}

impl Applier<Term, Facts> for Apply {
    fn apply_one(
        &self,
        graph: &mut Graph,
        class: Id,
        subst: &Subst,
        _: Option<&PatternAst<Term>>,
        _: Symbol,
    ) -> Vec<Id> {
        if graph.analysis.fault.is_some() {
            return vec![];
        }
        graph.analysis.rule = self.rule.name;
        let mut found = Match { graph, subst, find: &self.find, class };
        let made = self.made(&mut found).unwrap_or_default();
        let left = match found.graph.are_explanations_enabled() {
            true => found.left().unwrap_or(class),
            false => class,
        };
        let is_refused = |graph: &Graph, id: Id| matches!(graph[id].data.fact, Fact::Refused(_));
        let mut changed = vec![];
        for id in made {
            if is_refused(graph, id) {
                continue;
            }
            graph.analysis.fired.insert(self.rule.name);
            if graph.union_trusted(left, id, self.rule.name) {
                changed.push(class);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_well_formed_and_names_unique() {
        let mut names: Vec<_> = all().iter().map(|rule| rule.name).collect();
        all().iter().for_each(|rule| drop(rule.rewrite().unwrap()));
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
