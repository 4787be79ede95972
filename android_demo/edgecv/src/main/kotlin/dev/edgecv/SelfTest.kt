package dev.edgecv

/** Decodes a picture file (PNG) to pixels, without colour management and without scaling; the platform's, as `BitmapFactory`. */
public fun interface PictureDecoder {
    /** @throws InputException it cannot be decoded. */
    public fun decode(encoded: ByteArray): Frame
}

/**
 * Whether this device gives the answers that were recorded when the bundle was made.
 *
 * @property passed all gates passed, and all pictures gave the recorded tensors.
 * @property backend what ran.
 * @property artifact the file that ran.
 * @property pictures how many golden pictures were decoded and preprocessed here; 0 where there are none, or no decoder.
 * @property picturesEqual how many of them gave the recorded tensor in every bit.
 * @property comparison the outputs against the source model's.
 * @property gates the bars, as `edgecv verify` sets them on the golden cases.
 * @property reasons why it did not pass, a sentence each.
 */
public data class Verdict(
    val passed: Boolean,
    val backend: BackendInfo,
    val artifact: String,
    val pictures: Int,
    val picturesEqual: Int,
    val comparison: Comparison,
    val gates: List<Gate>,
    val reasons: List<String>,
)

/** Runs the golden cases of a bundle. */
public object SelfTest {
    /**
     * Preprocess the golden pictures and compare every bit; run the golden tensors and hold the outputs against the gates.
     *
     * @param decoder null: pictures are left out.
     * @param progress is told how many cases of how many are done.
     * @throws BundleException a golden file is missing or was changed.
     * @throws EngineException the engine failed.
     */
    public fun run(
        predictor: Predictor,
        decoder: PictureDecoder? = null,
        progress: (done: Int, total: Int) -> Unit = { _, _ -> },
    ): Verdict {
        TODO()
    }
}
