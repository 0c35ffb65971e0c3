//! Hints as text: in words, and as Rust.

use super::{Hints, PassName, words};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Barrier, Entry, ImageBarrier},
        ir::Region,
        phase::barriers::reasons::{Part, Reason, Subject},
        state::{Dependency, Scope},
    },
    resource::Role,
};

/// All hints.
pub(super) fn text(hints: &Hints) -> String {
    let mut text = Text { hints, out: String::new() };
    text.line(
        0,
        &match hints.calls() {
            0 => "no barrier call".to_owned(),
            1 => "1 barrier call".to_owned(),
            calls => format!("{calls} barrier calls"),
        },
    );
    text.entries();
    for number in 0..hints.compiled.batches.len() {
        text.batch(number);
    }
    text.notes();
    text.out
}

/// A reason in one line, to go on in a sentence.
pub(super) fn why(hints: &Hints, reason: &Reason) -> String {
    let text = Text { hints, out: String::new() };
    format!(": {}", text.words(&[reason]))
}

struct Text<'a> {
    hints: &'a Hints,
    out: String,
}

impl<'a> Text<'a> {
    fn line(&mut self, depth: usize, line: &str) {
        if !line.is_empty() {
            self.out.push_str(&"  ".repeat(depth));
        }
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// What is asked for at the start of the plan.
    fn entries(&mut self) {
        let compiled = &self.hints.compiled;
        if compiled.entries.is_empty() {
            return;
        }
        self.line(0, "");
        self.line(0, "at the start, after whatever came before:");
        // By resource: regions that are entered alike are one line.
        let mut said: Vec<(usize, String, Vec<Region>)> = Vec::new();
        for entry in compiled.entries.iter().filter(|entry| !entry.after_readers) {
            let import = &compiled.imports[entry.import];
            let how = self.entry(entry);
            match said.iter_mut().find(|(slot, known, _)| (*slot, known) == (import.slot, &how)) {
                Some((.., regions)) => regions.push(import.region),
                None => said.push((import.slot, how, vec![import.region])),
            }
        }
        for (slot, how, regions) in said {
            let mut lines = how.lines();
            let first = lines.next().unwrap_or_default();
            self.line(1, &format!("{}: {first}", self.slot(slot, regions)));
            lines.for_each(|line| self.line(2, line));
        }
    }

    fn entry(&self, entry: &Entry) -> String {
        let hints = self.hints;
        let import = &hints.compiled.imports[entry.import];
        let positions = hints.compiled.batches[entry.batch].positions.clone();
        let passes = hints.compiled.order[positions].iter().copied();
        let touches = |pass: &usize| {
            hints.structure.uses(*pass).any(|used| {
                let region = used.region.unwrap_or_else(|| hints.structure.shapes()[used.slot].whole());
                let inside = region.intersection(&import.region).is_some();
                used.slot == import.slot && inside && used.access.layout == entry.access.layout
            })
        };
        let first: Vec<_> = passes.filter(touches).take(1).map(|pass| self.pass(pass)).collect();
        let lost = if entry.discard { ", whatever it holds" } else { "" };
        let layout = match hints.is_image(import.slot) {
            true => format!(", in {:?}", entry.access.layout),
            false => String::new(),
        };
        let within = if first.is_empty() { String::new() } else { format!(" in {}", first[0]) };
        let words = words::touched(&entry.access);
        format!("{words}{within}{lost}\n-> {}{layout}", words::scope(&Scope::of(&entry.access)))
    }

    fn batch(&mut self, number: usize) {
        let hints = self.hints;
        let batch = &hints.compiled.batches[number];
        let on = self.on(batch.queue);
        for position in batch.positions.clone() {
            let pass = hints.compiled.order[position];
            let of = |reason: &&Reason| reason.pass == pass && reason.call.is_none();
            let waits: Vec<_> = hints.reasons.iter().filter(of).filter(|reason| reason.part == Part::Wait).collect();
            if !waits.is_empty() {
                self.heading(&format!("before {}{on}, by a semaphore:", self.pass(pass)));
                self.reasons(&waits);
            }
            if let Some(call) = hints.compiled.before[position] {
                self.heading(&format!("before {}{on}:", self.pass(pass)));
                self.call(call);
            }
            let owed: Vec<_> = hints.reasons.iter().filter(of).filter(|reason| reason.part != Part::Wait).collect();
            if !owed.is_empty() {
                self.heading(&format!("before {}{on}, by its owner:", self.pass(pass)));
                self.reasons(&owed);
                self.line(0, "");
                self.owed(&owed);
            }
        }
        if let (Some(call), Some(last)) = (batch.after, batch.positions.clone().last()) {
            let last = self.pass(hints.compiled.order[last]);
            self.heading(&format!("after {last}{on}, to give away to other queues:"));
            self.call(call);
        }
    }

    fn heading(&mut self, heading: &str) {
        self.line(0, "");
        self.line(0, heading);
    }

    fn call(&mut self, call: u32) {
        let hints = self.hints;
        let of = |reason: &&Reason| reason.call == Some(call as usize);
        self.reasons(&hints.reasons.iter().filter(of).collect::<Vec<_>>());
        self.line(0, "");
        self.rust(&hints.compiled.barriers[call as usize]);
    }

    /// What is to be pasted into `Pass::manual`.
    fn owed(&mut self, owed: &[&Reason]) {
        let mut said = Vec::new();
        for reason in owed {
            let rust = match reason.part {
                Part::Memory { dependency, .. } => words::pass_barrier(&dependency, None),
                Part::Image(ImageBarrier { slot, region, source, target, old, new, .. }) => {
                    let whole = self.hints.compiled.extents[slot].whole();
                    let image = words::image(&self.hints.names.slots[slot].name, &region, &whole);
                    words::pass_barrier(&Dependency { source, target }, Some((image, [old, new])))
                }
                Part::Wait => continue,
            };
            if !said.contains(&rust) {
                self.line(2, &format!("{rust},"));
                said.push(rust);
            }
        }
    }

    /// Each boundary between stages, and in it each resource.
    fn reasons(&mut self, reasons: &[&'a Reason]) {
        let mut boundaries: Vec<(String, Vec<&Reason>)> = Vec::new();
        for &reason in reasons {
            let boundary = self.boundary(reason);
            match boundaries.iter_mut().find(|(known, _)| *known == boundary) {
                Some((_, reasons)) => reasons.push(reason),
                None => boundaries.push((boundary, vec![reason])),
            }
        }
        for (boundary, reasons) in boundaries {
            let depth = if boundary.is_empty() { 1 } else { 2 };
            if !boundary.is_empty() {
                self.line(1, &boundary);
            }
            let mut reasons = reasons;
            while let Some(&first) = reasons.first() {
                let (alike, others): (Vec<_>, Vec<_>) =
                    reasons.into_iter().partition(|reason| are_alike(first, reason));
                self.line(depth, &self.words(&alike));
                if let Some(scopes) = self.scopes(first) {
                    self.line(depth + 1, &scopes);
                }
                reasons = others;
            }
        }
    }

    fn boundary(&self, reason: &Reason) -> String {
        let stages = |passes: &[usize]| {
            let mut stages: Vec<String> = Vec::new();
            for stage in passes.iter().filter_map(|&pass| self.hints.names.passes.get(pass)?.stage) {
                let stage = format!("`{stage}`");
                if !stages.contains(&stage) {
                    stages.push(stage);
                }
            }
            stages
        };
        let (before, after) = (stages(&reason.before), stages(&reason.after));
        match (before.is_empty(), after.is_empty()) {
            (false, false) if before == after => format!("inside {}:", words::list(&after)),
            (false, false) => format!("between {} and {}:", before.join(", "), after.join(", ")),
            (true, false) => format!("for {}:", words::list(&after)),
            _ => String::new(),
        }
    }

    /// What reasons that are alike are about.
    fn words(&self, reasons: &[&Reason]) -> String {
        let Some(first) = reasons.first() else { return String::new() };
        let (before, after) = (self.passes(&first.before), self.passes(&first.after));
        let regions = || {
            let region = |reason: &&Reason| match &reason.subject {
                Subject::Data { region, .. } | Subject::Memory { region, .. } => Some(*region),
                Subject::Named => None,
            };
            reasons.iter().filter_map(region).collect::<Vec<_>>()
        };
        let is_covered = |reason: &&Reason| matches!(reason.part, Part::Memory { covered: true, .. });
        let covered = if reasons.iter().all(is_covered) { " (covered by the others)" } else { "" };
        match &first.subject {
            Subject::Data { slot, from, to, .. } => {
                let (from, to) = (words::touched(from), words::touched(to));
                format!("{}: {from} in {before}, then {to} in {after}{covered}", self.slot(*slot, regions()))
            }
            Subject::Memory { slot, others, to, .. } => {
                let name = self.slot(*slot, regions());
                let others: Vec<_> = others.iter().map(|&other| self.slot(other, Vec::new())).collect();
                let memory = match others.is_empty() {
                    true => "new".to_owned(),
                    false => format!("in memory that {} had until {before}", words::list(&others)),
                };
                format!("{name}: {memory}, then {} in {after}{covered}", words::touched(to))
            }
            Subject::Named => format!("{after} is said to come after {before}{covered}"),
        }
    }

    /// A part of a call in Vulkan's terms.
    fn scopes(&self, reason: &Reason) -> Option<String> {
        match reason.part {
            Part::Memory { dependency, .. } => Some(words::dependency(&dependency)),
            Part::Image(image) => {
                let dependency = words::dependency(&Dependency { source: image.source, target: image.target });
                let queues = image.transfer.map(|queues| queues.map(|queue| self.queue(queue)));
                let queues = queues.map_or_else(String::new, |[from, to]| format!(", {from} -> {to}"));
                Some(format!("{dependency}, {:?} -> {:?}{queues}", image.old, image.new))
            }
            Part::Wait => None,
        }
    }

    /// A resource, and which parts of it.
    fn slot(&self, slot: usize, regions: Vec<Region>) -> String {
        let name = self.hints.names.slots.get(slot).map_or("?", |slot| &*slot.name);
        let parts = joined(regions).into_iter().map(|region| self.hints.compiled.part(slot, &region));
        format!("`{name}`{}", parts.collect::<String>())
    }

    fn pass(&self, pass: usize) -> String {
        format!("`{}`", self.hints.names.passes.get(pass).map_or("?", |PassName { name, .. }| name))
    }

    fn passes(&self, passes: &[usize]) -> String {
        words::list(&passes.iter().map(|&pass| self.pass(pass)).collect::<Vec<_>>())
    }

    fn queue(&self, queue: QueueId) -> &'static str {
        self.hints.compiled.queue_name(queue)
    }

    /// Where there are several queues: which one.
    fn on(&self, queue: QueueId) -> String {
        match self.hints.compiled.batches.iter().any(|batch| batch.queue != queue) {
            true => format!(" on {}", self.queue(queue)),
            false => String::new(),
        }
    }

    /// The call, as `ash` takes it.
    fn rust(&mut self, barrier: &Barrier) {
        let depth = 2;
        let mut info = "vk::DependencyInfo::default()".to_owned();
        if !barrier.memory.is_empty() {
            self.line(depth, "let memory = [vk::MemoryBarrier2::default()");
            let [.., last] = self.scopes_in_rust(depth, &barrier.memory.source, &barrier.memory.target);
            self.line(depth + 2, &format!("{last}];"));
            info += ".memory_barriers(&memory)";
        }
        if !barrier.images.is_empty() {
            self.line(depth, "let images = [");
            barrier.images.iter().for_each(|image| self.image_in_rust(depth + 2, image));
            self.line(depth, "];");
            info += ".image_memory_barriers(&images)";
        }
        self.line(depth, &format!("let info = {info};"));
        self.line(depth, "// SAFETY: `cmd` is being recorded on `device`, outside of rendering.");
        self.line(depth, "unsafe { device.cmd_pipeline_barrier2(cmd, &info) };");
    }

    /// Writes all calls of a builder but the last, and gives that.
    fn scopes_in_rust(&mut self, depth: usize, source: &Scope, target: &Scope) -> [String; 1] {
        let lines = [
            format!(".src_stage_mask({})", words::rust_stages(source.stages)),
            format!(".src_access_mask({})", words::rust_mask(source.mask)),
            format!(".dst_stage_mask({})", words::rust_stages(target.stages)),
        ];
        lines.iter().for_each(|line| self.line(depth + 2, line));
        [format!(".dst_access_mask({})", words::rust_mask(target.mask))]
    }

    fn image_in_rust(&mut self, depth: usize, image: &ImageBarrier) {
        let slot = self.hints.names.slots.get(image.slot);
        let name = slot.map_or_else(|| "image".to_owned(), |slot| words::variable(&slot.name));
        let aspect = slot.map(|slot| slot.aspect).unwrap_or_default();
        self.line(depth, "vk::ImageMemoryBarrier2::default()");
        let [mask] = self.scopes_in_rust(depth, &image.source, &image.target);
        let mut lines = vec![
            mask,
            format!(".old_layout(vk::ImageLayout::{:?})", image.old),
            format!(".new_layout(vk::ImageLayout::{:?})", image.new),
        ];
        if let Some([from, to]) = image.transfer {
            lines.push(format!(".src_queue_family_index({}_family)", self.queue(from)));
            lines.push(format!(".dst_queue_family_index({}_family)", self.queue(to)));
        }
        lines.push(format!(".image({name})"));
        lines.push(".subresource_range(vk::ImageSubresourceRange {".to_owned());
        lines.iter().for_each(|line| self.line(depth + 2, line));
        let (levels, layers) = (image.region.levels(), image.region.layers());
        let fields = [
            format!("aspect_mask: vk::ImageAspectFlags::{aspect:?},"),
            format!("base_mip_level: {},", levels.start),
            format!("level_count: {},", levels.len()),
            format!("base_array_layer: {},", layers.start),
            format!("layer_count: {},", layers.len()),
        ];
        fields.iter().for_each(|field| self.line(depth + 4, field));
        self.line(depth + 2, "}),");
    }

    /// What else is to be known.
    fn notes(&mut self) {
        let culled: Vec<_> = self.hints.compiled.culled.iter().map(|&pass| self.pass(pass)).collect();
        if !culled.is_empty() {
            self.heading(&format!("left out, since nobody looks at what they write: {}", words::list(&culled)));
        }
        let roles: Vec<_> =
            self.hints.inferred().map(|(name, role)| format!("`{name}` ({})", role_name(role))).collect();
        if !roles.is_empty() {
            self.heading(&format!("roles taken from the names of types: {}", words::list(&roles)));
        }
    }
}

/// What a role is called in `#[role(..)]`.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Storage => "storage",
        Role::Uniform => "uniform",
        Role::Vertex => "vertex",
        Role::Index => "index",
        Role::Indirect => "indirect",
    }
}

/// The same regions in fewer rectangles, where they lie side by side.
fn joined(mut regions: Vec<Region>) -> Vec<Region> {
    regions.sort_unstable_by_key(|region| (region.y, region.x));
    regions.dedup();
    let mut beside: Vec<Region> = Vec::new();
    for region in regions {
        match beside.last_mut().filter(|last| last.y == region.y && last.x[1] == region.x[0]) {
            Some(last) => last.x[1] = region.x[1],
            None => beside.push(region),
        }
    }
    beside.sort_unstable_by_key(|region| (region.x, region.y));
    let mut joined: Vec<Region> = Vec::new();
    for region in beside {
        match joined.last_mut().filter(|last| last.x == region.x && last.y[1] == region.y[0]) {
            Some(last) => last.y[1] = region.y[1],
            None => joined.push(region),
        }
    }
    joined
}

/// Whether two reasons differ at most in their regions, and in which of them came first.
fn are_alike(a: &Reason, b: &Reason) -> bool {
    const NOWHERE: Region = Region { x: [0; 2], y: [0; 2] };
    let unplaced = |reason: &Reason| {
        let mut reason = reason.clone();
        match &mut reason.subject {
            Subject::Data { region, .. } | Subject::Memory { region, .. } => *region = NOWHERE,
            Subject::Named => {}
        }
        match &mut reason.part {
            Part::Image(image) => image.region = NOWHERE,
            Part::Memory { covered, .. } => *covered = false,
            Part::Wait => {}
        }
        reason
    };
    unplaced(a) == unplaced(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_lie_side_by_side_are_said_as_one() {
        let bytes = |range| Region::bytes(range);
        assert_eq!(joined(vec![bytes(8..12), bytes(0..4), bytes(4..8), bytes(16..20)]), [bytes(0..12), bytes(16..20)]);
        let part = |levels, layers| Region::subresources(levels, layers);
        let quarters = vec![part(0..1, 0..1), part(1..2, 1..2), part(0..1, 1..2), part(1..2, 0..1)];
        assert_eq!(joined(quarters), [part(0..2, 0..2)]);
        assert_eq!(joined(vec![part(0..1, 0..1), part(1..2, 1..2)]).len(), 2);
    }
}
