package dev.edgecv

/** The rules that a manifest's heads must keep: each output has one, which may be left out, and each head says what its kind needs. */
internal class HeadRules(private val manifest: Manifest, private val leftOut: LeftOut, private val name: String) {
    private val outputs = manifest.outputs.associateBy { it.name }

    /** @throws BundleException one does not. */
    fun check() {
        if (manifest.heads.isEmpty()) throw BundleException("$name lists no heads", ANEW)
        twice(manifest.heads.map { it.name })?.let { throw BundleException("$name lists the head '${shortened(it)}' twice", ANEW) }
        manifest.heads.forEach { checkOutputs(it) }
        checkOwners()
        manifest.heads.forEach {
            checkThresholds(it)
            checkLabels(it)
        }
        checkFirstLabels()
    }

    private fun checkOutputs(head: HeadSpec) {
        val unknown = head.outputs.firstOrNull { it !in outputs }
        if (unknown != null) refuse(head, "it has the output '${shortened(unknown)}', which the model has not")
        if (head.outputs.size != 1) refuse(head, "the kind ${head.kind.title} has one output, got ${head.outputs.size}")
    }

    private fun checkOwners() {
        val names = manifest.outputs.map { it.name }
        val owned = (manifest.heads.flatMap { it.outputs } + leftOut.outputs).filter { it in names }
        twice(owned)?.let { throw BundleException("$name: the output '${shortened(it)}' belongs to several heads", ANEW) }
        val free = names.firstOrNull { it !in owned }
        if (free != null) throw BundleException("$name: the output '${shortened(free)}' belongs to no head", ANEW)
        val order = manifest.heads.map { names.indexOf(it.outputs[0]) }
        if (order != order.sorted()) throw BundleException("$name: its heads are not in the order of their outputs", ANEW)
    }

    private fun checkThresholds(head: HeadSpec) {
        val thresholds = head.thresholds
        if (!head.kind.type.decidesByThreshold) {
            if (thresholds.isNotEmpty()) refuse(head, "the kind ${head.kind.title} has no thresholds, got $thresholds")
            return
        }
        if (thresholds.isEmpty() || thresholds.any { it < 0 || it > 1 }) refuse(head, "thresholds must be in 0..1, got $thresholds")
        val answers = answersOf(head)
        if (thresholds.size != 1 && thresholds.size != answers) {
            refuse(head, "thresholds must be one, or one for each of $answers labels, got ${thresholds.size}")
        }
    }

    private fun checkLabels(head: HeadSpec) {
        val labels = head.labels
        if (labels != null && labels.isEmpty()) refuse(head, "its list of labels is empty")
        if (labels == null || !head.kind.type.labelsEveryAnswer) return
        val answers = answersOf(head)
        val fits = labels.size == maxOf(answers, 2) || labels.size == outputs.getValue(head.outputs[0]).shape.last()
        val alone = answers == 1 && labels.size == 1
        if (!fits && !alone) refuse(head, "it has ${labels.size} labels for $answers answers")
    }

    /** The manifest's own labels, which labels.txt holds as well, are those of the first head that has some; it may be left out. */
    private fun checkFirstLabels() {
        val first = manifest.heads.firstNotNullOfOrNull { it.labels }
        if (leftOut.heads > 0 || manifest.labels == first) return
        throw BundleException("$name: its labels are not those of its first head with labels", ANEW)
    }

    private fun answersOf(head: HeadSpec): Int =
        outputs.getValue(head.outputs[0]).shape.drop(1).fold(1) { product, side -> product * side }

    private fun refuse(head: HeadSpec, reason: String): Nothing =
        throw BundleException("$name: the head '${shortened(head.name)}': $reason", ANEW)
}

/** The first text that stands in a list a second time, or null. */
internal fun twice(texts: List<String>): String? {
    val seen = HashSet<String>()
    return texts.firstOrNull { !seen.add(it) }
}
