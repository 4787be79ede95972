package dev.edgecv

import dev.edgecv.heads.HeadForm

/** The rules that a manifest's heads must keep: each output has one, which may be left out, and each head says what its kind needs. */
internal class HeadRules(private val manifest: Manifest, private val leftOut: LeftOut, private val name: String) {
    private val outputs = manifest.outputs.map { it.name }

    /** @throws BundleException one does not. */
    fun check() {
        if (manifest.heads.isEmpty()) throw BundleException("$name lists no heads", ANEW)
        twice(manifest.heads.map { it.name })?.let { throw BundleException("$name lists the head '${shortened(it)}' twice", ANEW) }
        manifest.heads.forEach { checkOutputs(it) }
        checkOwners()
        manifest.heads.forEach { checkKind(it) }
        checkFirstLabels()
    }

    private fun checkOutputs(head: HeadSpec) {
        val unknown = head.outputs.firstOrNull { it !in outputs }
        if (unknown != null) refuse(head, "it has the output '${shortened(unknown)}', which the model has not")
        if (head.outputs.isEmpty()) refuse(head, "it has no output")
    }

    private fun checkOwners() {
        val owned = (manifest.heads.flatMap { it.outputs } + leftOut.outputs).filter { it in outputs }
        twice(owned)?.let { throw BundleException("$name: the output '${shortened(it)}' belongs to several heads", ANEW) }
        val free = outputs.firstOrNull { it !in owned }
        if (free != null) throw BundleException("$name: the output '${shortened(free)}' belongs to no head", ANEW)
        val order = manifest.heads.map { outputs.indexOf(it.outputs[0]) }
        if (order != order.sorted()) throw BundleException("$name: its heads are not in the order of their outputs", ANEW)
    }

    private fun checkKind(head: HeadSpec) {
        val type = head.kind.type
        val form = HeadForm.of(manifest, head)
        val labels = head.labels
        try {
            type.checkDecoder(form)
            type.checkThresholds(form)
            if (labels != null && labels.isEmpty()) form.refuse("its list of labels is empty")
            if (labels != null) type.checkLabels(form, labels.size)
        } catch (error: SpecException) {
            refuse(head, shortened(error.message))
        }
    }

    /** The manifest's own labels, which labels.txt holds as well, are those of the first head that has some; it may be left out. */
    private fun checkFirstLabels() {
        val first = manifest.heads.firstNotNullOfOrNull { it.labels }
        if (leftOut.heads > 0 || manifest.labels == first) return
        throw BundleException("$name: its labels are not those of its first head with labels", ANEW)
    }

    private fun refuse(head: HeadSpec, reason: String): Nothing =
        throw BundleException("$name: the head '${shortened(head.name)}': $reason", ANEW)
}

/** The first text that stands in a list a second time, or null. */
internal fun twice(texts: List<String>): String? {
    val seen = HashSet<String>()
    return texts.firstOrNull { !seen.add(it) }
}
