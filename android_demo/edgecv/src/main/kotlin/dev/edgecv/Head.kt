package dev.edgecv

import kotlin.math.abs
import kotlin.math.exp

/** What the first output means, and how it becomes scores and decisions. */
internal class Head(val task: Task, val activation: Activation, thresholds: List<Double>) {
    private val thresholds = FloatArray(thresholds.size) { thresholds[it].toFloat() }

    /** Fill `scores` from an output's real values; of a binary output p they are (1 - p, p). */
    fun score(output: FloatArray, scores: FloatArray) {
        if (task == Task.BINARY) {
            scores[1] = output[0]
            if (activation == Activation.SIGMOID) sigmoid(scores)
            scores[0] = 1 - scores[1]
            return
        }
        output.copyInto(scores)
        if (activation == Activation.SOFTMAX) softmax(scores)
        if (activation == Activation.SIGMOID) sigmoid(scores)
    }

    /** The winning class of classification and binary tasks. */
    fun winner(output: FloatArray, scores: FloatArray): Int =
        if (task == Task.BINARY) (if (scores[1] >= thresholds[0]) 1 else 0) else highest(output)

    /** Whether a label of a multilabel task holds. */
    fun holds(scores: FloatArray, label: Int): Boolean = scores[label] >= thresholds[label % thresholds.size]

    /** What the model says, to compare: a class, or a bit a label; null for regression. */
    fun decisions(output: FloatArray): List<Int>? {
        val scores = FloatArray(if (task == Task.BINARY) 2 else output.size)
        score(output, scores)
        return when (task) {
            Task.REGRESSION -> null
            Task.MULTILABEL -> scores.indices.map { if (holds(scores, it)) 1 else 0 }
            else -> listOf(winner(output, scores))
        }
    }

    private fun highest(values: FloatArray): Int {
        var best = 0
        for (i in 1 until values.size) if (values[i] > values[best]) best = i
        return best
    }

    internal companion object {
        /** The head of a bundle; an activation that the artifact applies by itself is left out. */
        fun of(manifest: Manifest, artifact: Artifact): Head {
            val left = artifact.outputs[0].activation == Activation.NONE
            return Head(manifest.task, if (left) manifest.postprocess.activation else Activation.NONE, manifest.postprocess.thresholds)
        }
    }
}

private fun sigmoid(row: FloatArray) {
    for (i in row.indices) {
        val small = exp(-abs(row[i]))
        row[i] = (if (row[i] >= 0) 1f else small) / (1 + small)
    }
}

private fun softmax(row: FloatArray) {
    var highest = row[0]
    for (value in row) if (value > highest) highest = value
    var sum = 0f
    for (i in row.indices) {
        row[i] = exp(row[i] - highest)
        sum += row[i]
    }
    for (i in row.indices) row[i] /= sum
}
