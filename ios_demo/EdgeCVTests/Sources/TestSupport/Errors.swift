import EdgeCV

/// The words of the error that an action ends with; nil if it ends without one, or with one that is no person's to mend.
public func message(_ action: () throws -> Void) -> String? {
  do {
    try action()
    return nil
  } catch {
    return (error as? any EdgeCVError)?.message
  }
}

/// As above, the hint.
public func hint(_ action: () throws -> Void) -> String? {
  do {
    try action()
    return nil
  } catch {
    return (error as? any EdgeCVError)?.hint
  }
}
