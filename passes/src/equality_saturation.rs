//! `ait-eqsat`: the options, notes and errors around [`crate::eqsat`], function by function.

use std::collections::BTreeSet;
use std::path::Path;

use ait_dialects::{Layout, Nan, attributes};
use melior::ir::{
    BlockRef, Module, RegionLike,
    operation::{OperationLike, OperationRef},
};

use crate::{
    Options, PassError,
    canonicalize::erase_dead,
    cost::Chooser,
    diagnostic::{SourceLocation, say_once},
    eqsat::{
        analysis::{Facts, Graph, tensor},
        cost::Cost,
        decode::decode,
        encode::{Encoded, encode},
        explain::{Explanation, Source},
        extract::Limits,
        pins::Plan,
        rules,
        saturate::{Bounds, saturate},
        select::{select, site},
        term::Term,
    },
    rewrite::{Rewriter, is_erased, name as name_of},
    select_kernels::chooser,
};

/// Runs the pass; `ait.layout` on the module records the layout that tensors of other ranks follow.
pub fn run(module: &Module, options: &Options) -> Result<(), PassError> {
    let rewriter = Rewriter::new(module);
    let fail = |message: String| PassError::at(&rewriter.module(), message);
    let rules = rules::named(options.word("rules")).map_err(fail)?;
    let chooser = chooser(module, options)?;
    let plan = match options.word("plan") {
        "" => Plan::default(),
        path => Plan::read(Path::new(path))?,
    };
    let wanted = options.word("layout").parse::<Layout>().ok();
    if wanted.is_some() && !options.word("plan").is_empty() {
        return Err(fail("a plan needs layout=auto".to_owned()));
    }
    let follows = wanted.map_or_else(|| "auto".to_owned(), |layout| layout.name().to_ascii_lowercase());
    rewriter.set_attribute(rewriter.module(), "ait.layout", attributes::string(rewriter.context(), &follows));
    let nan = options.word("nan").parse().map_err(fail)?;
    let size = |name| usize::try_from(options.int(name)).unwrap_or(usize::MAX);
    let setting = Setting {
        rules: rules
            .into_iter()
            .filter(|rule| wanted.is_none() || !rule.name.starts_with("pruned-as-dense"))
            .collect(),
        chooser,
        plan,
        wanted,
        nan,
        bounds: Bounds { iterations: size("iterations"), nodes: size("nodes") },
        limits: Limits { choices: size("exact"), ..Limits::default() },
    };
    let path = options.word("explain");
    let target = setting.chooser.target();
    let mut explanation =
        (!path.is_empty()).then(|| Explanation::new(format!("{}, VLEN {}", target.core.name, target.vlen)));
    let mut names = BTreeSet::new();
    for function in rewriter.ops() {
        if name_of(function) == "func.func"
            && let Some(block) = function.region(0).ok().and_then(|region| region.first_block())
        {
            setting.function(&rewriter, function, block, explanation.as_mut(), &mut names)?;
        }
    }
    setting.plan.check(&names)?;
    erase_dead(&rewriter);
    match explanation {
        None => Ok(()),
        Some(explanation) => explanation.write(Path::new(path)).map_err(|error| fail(error.to_string())),
    }
}

/// What the options say.
struct Setting {
    rules: Vec<rules::Rule>,
    chooser: Chooser,
    plan: Plan,
    /// The only layout of dense convolutions; all, if none.
    wanted: Option<Layout>,
    nan: Nan,
    bounds: Bounds,
    limits: Limits,
}

impl Setting {
    fn function<'c: 'a, 'a>(
        &self,
        rewriter: &'a Rewriter<'c, '_>,
        function: OperationRef<'c, 'a>,
        block: BlockRef<'c, 'a>,
        explanation: Option<&mut Explanation>,
        names: &mut BTreeSet<String>,
    ) -> Result<(), PassError> {
        let fail = |message: String| PassError::at(&function, message);
        let ops: Vec<_> =
            rewriter.ops().into_iter().filter(|&op| !is_erased(op) && op.block() == Some(block)).collect();
        let mut encoded = encode(block, &ops, Facts::default())?;
        let facts = &mut encoded.graph.analysis;
        (facts.layouts, facts.dense) = match self.wanted {
            None => (vec![Layout::Cnhw, Layout::Nhwc], vec![Layout::Cnhw, Layout::Nhwc]),
            Some(wanted) => (vec![wanted], vec![wanted]),
        };
        if self.wanted.is_some() && needs_cnhw(&encoded.graph) {
            let layouts: BTreeSet<_> =
                encoded.graph.analysis.layouts.iter().copied().chain([Layout::Cnhw]).collect();
            encoded.graph.analysis.layouts = layouts.into_iter().collect();
        }
        let graph = std::mem::take(&mut encoded.graph);
        let (graph, report) =
            saturate(graph, &self.rules, self.bounds).map_err(|error| fail(error.to_string()))?;
        encoded.graph = graph;
        let notice = |text: String| {
            say_once(format!("{}: note: {text}", SourceLocation::of(function.location())));
        };
        if let Some(limit) = &report.limit {
            notice(format!(
                "ait-eqsat stopped at its limit of {limit}; what rules would still find is not used"
            ));
        }
        let layers: Vec<String> =
            (0..).zip(&encoded.sites).map(|(site, _)| source(&encoded, site).name).collect();
        let pins = self.plan.of(layers.iter().map(String::as_str));
        names.extend(layers);
        let cost = Cost::new(&self.chooser, self.wanted).with_nan(self.nan).with_pins(pins);
        let roots: Vec<_> = encoded.uses.iter().map(|(_, _, id)| *id).collect();
        let selection = select(&encoded.graph, &roots, &cost, self.limits)
            .map_err(|id| self.no_kernel(&encoded, id, function))?;
        if !selection.extracted.is_exact() {
            let percent = 100.0 * selection.extracted.gap();
            let why = match selection.extracted.programs {
                0 => format!("more than {} choices, which were extracted greedily", self.limits.choices),
                programs => format!("no proof after {programs} linear programs"),
            };
            notice(format!("ait-eqsat: {why}; at most {percent:.2} % from the optimum"));
        }
        if let Some(explanation) = explanation {
            let chosen = (&encoded.graph, &selection, self.rules.as_slice());
            explanation.add(chosen, &cost, &report, &encoded.origins, |site| source(&encoded, site));
        }
        decode(rewriter, &encoded, &selection)
    }

    /// An error at the op of a class that no kernel makes.
    fn no_kernel(&self, encoded: &Encoded, id: egg::Id, function: OperationRef) -> PassError {
        let site = encoded.graph[id].nodes.iter().find_map(|term| site(&encoded.graph, term));
        let op = site.and_then(|site| encoded.sites.get(usize::try_from(site).ok()?));
        PassError::at(op.unwrap_or(&function), "has no kernel that the rules and the layout allow")
    }
}

/// The layer's name and kind in the module.
fn source(encoded: &Encoded, site: u32) -> Source {
    let op = usize::try_from(site).ok().and_then(|site| encoded.sites.get(site));
    op.map_or_else(Source::default, |op| {
        let location = SourceLocation::of(op.location());
        let name = location.name.clone().unwrap_or_else(|| location.to_string());
        Source { name, kind: name_of(*op) }
    })
}

/// Whether some convolution has kernels in CNHW only: XNNPACK packs weights when the model is created, all of them.
fn needs_cnhw(graph: &Graph) -> bool {
    graph.classes().flat_map(|class| &class.nodes).any(|term| {
        let (w, b) = match term {
            Term::Conv([_, w, b, ..]) | Term::ConvAdd([_, w, b, ..]) => (*w, *b),
            _ => return false,
        };
        let is_plain =
            |id| tensor(graph, id).is_some_and(|tensor| tensor.is_constant && tensor.pattern.is_none());
        !is_plain(w) || !is_plain(b)
    })
}
