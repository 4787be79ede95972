/// Call for every run of numbers that lie together in an array of an engine: its place in memory with these strides (in numbers),
/// that in a packed array, and its length, all in bytes.
public func eachRun(_ shape: [Int], _ strides: [Int], _ size: Int, _ call: (Int, Int, Int) -> Void) {
  let isTogether = strides.last == 1
  let run = isTogether ? shape.last ?? 1 : 1
  let outer = isTogether ? Array(shape.dropLast()) : shape
  for number in 0..<outer.reduce(1, *) {
    var (rest, place) = (number, 0)
    for axis in outer.indices.reversed() {
      place += rest % outer[axis] * strides[axis]
      rest /= outer[axis]
    }
    call(place * size, number * run * size, run * size)
  }
}
