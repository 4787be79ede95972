private let mostScaled = Double(1 << 28)  // pixels; a thread-thin picture scaled by its short side would not fit in memory

/// One axis of a fit, in pixels.
struct Axis: Equatable, Sendable {
  /// Where the part of the picture begins that is scaled.
  let first: Int
  /// How long that part is.
  let taken: Int
  /// How long it becomes.
  let scaled: Int
  /// Where the used part of the scaled one begins.
  let skipped: Int
  /// How long that is.
  let shown: Int
  /// Where it comes in the input.
  let at: Int
  /// The input's own length.
  let size: Int

  /// Whether every place of the input is the same place in the picture.
  var isUnchanged: Bool { taken == scaled && first + skipped == at }

  /// Where a place in the input, in its pixels, is in the picture, in the picture's.
  func back(_ place: Double) -> Double {
    (place + Double(skipped - at)) * Double(taken) / Double(scaled) + Double(first)
  }

  /// Where a place in the picture is in the input: the other direction of `back`.
  func ahead(_ place: Double) -> Double {
    (place - Double(first)) * Double(scaled) / Double(taken) - Double(skipped - at)
  }
}

/// Which part of a picture comes where in the input.
struct Placement: Equatable, Sendable {
  let down: Axis
  let across: Axis

  /// Nothing is scaled.
  var isUnscaled: Bool { down.taken == down.scaled && across.taken == across.scaled }

  /// Nothing is padded.
  var isWhole: Bool { down.shown == down.size && across.shown == across.size }

  /// That of a picture which is the input itself.
  init(wholeOf height: Int, _ width: Int) { (down, across) = (whole(height, height), whole(width, width)) }

  /// The placement of a picture of that size.
  ///
  /// - Throws: `InputError` if the picture is so thin that its scaled form does not fit in memory.
  init(_ fit: Fit, height: Int, width: Int, tall: Int, wide: Int) throws {
    switch fit.mode {
    case .stretch: (down, across) = (whole(height, tall), whole(width, wide))
    case .crop: (down, across) = crop(fit, height, width, tall, wide)
    case .resizeCrop: (down, across) = try resizeCrop(fit, height, width, tall, wide)
    case .letterbox: (down, across) = letterbox(height, width, tall, wide)
    }
  }
}

private func whole(_ have: Int, _ size: Int) -> Axis {
  Axis(first: 0, taken: have, scaled: size, skipped: 0, shown: size, at: 0, size: size)
}

private func crop(_ fit: Fit, _ height: Int, _ width: Int, _ tall: Int, _ wide: Int) -> (Axis, Axis) {
  let side = max(1, Int((Double(min(height, width)) * (fit.fraction ?? 1) + 0.5).rounded(.down)))
  return (
    Axis(first: (height - side) / 2, taken: side, scaled: tall, skipped: 0, shown: tall, at: 0, size: tall),
    Axis(first: (width - side) / 2, taken: side, scaled: wide, skipped: 0, shown: wide, at: 0, size: wide)
  )
}

/// Torchvision's `Resize(shorter)` and `CenterCrop(size)`: the long side truncated, the offset rounded half to even.
private func resizeCrop(_ fit: Fit, _ height: Int, _ width: Int, _ tall: Int, _ wide: Int) throws -> (Axis, Axis) {
  let shorter = fit.shorter ?? min(tall, wide)
  let scaled = Double(shorter * max(height, width)) / Double(min(height, width))
  if Double(shorter) * scaled > mostScaled {
    throw InputError("the picture of \(width) x \(height) pixels is too thin for fit.mode = 'resize_crop'")
  }
  let longer = Int(scaled)
  let isTall = width <= height
  return (
    centreCrop(height, isTall ? longer : shorter, tall), centreCrop(width, isTall ? shorter : longer, wide)
  )
}

private func centreCrop(_ have: Int, _ scaled: Int, _ size: Int) -> Axis {
  if scaled < size {
    let before = (size - scaled) / 2
    return Axis(first: 0, taken: have, scaled: scaled, skipped: 0, shown: scaled, at: before, size: size)
  }
  let skipped = Int((Double(scaled - size) / 2).rounded(.toNearestOrEven))
  return Axis(first: 0, taken: have, scaled: scaled, skipped: skipped, shown: size, at: 0, size: size)
}

/// The largest size of the same shape that fits, rounded half up in integer arithmetic, at least one pixel.
private func letterbox(_ height: Int, _ width: Int, _ tall: Int, _ wide: Int) -> (Axis, Axis) {
  let isBound = wide * height <= tall * width
  let innerTall = isBound ? max(1, (2 * height * wide + width) / (2 * width)) : tall
  let innerWide = isBound ? wide : max(1, (2 * width * tall + height) / (2 * height))
  return (centred(height, innerTall, tall), centred(width, innerWide, wide))
}

private func centred(_ have: Int, _ inner: Int, _ size: Int) -> Axis {
  Axis(first: 0, taken: have, scaled: inner, skipped: 0, shown: inner, at: (size - inner) / 2, size: size)
}
