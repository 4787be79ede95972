// Only what is used, from Apple's documentation of Core AI (iOS 27). What it leaves open is the stricter of the two here: arrays,
// outputs and views are not sendable, outputs and values are not copied.
import Foundation

public enum ComputeUnitKind: Hashable, Sendable {
  case cpu, gpu, neuralEngine
  public static var availableKinds: Set<ComputeUnitKind> { fatalError() }
}

public struct SpecializationOptions: Sendable {
  public static let `default` = SpecializationOptions(preferredComputeUnitKind: .cpu)
  public static let cpuOnly = SpecializationOptions(preferredComputeUnitKind: .cpu)
  public init(preferredComputeUnitKind: ComputeUnitKind) {}
}

/// Swift 6.2's, where it is in the standard library.
public struct Span<Element> {
  public var count: Int { fatalError() }
  public subscript(_ index: Int) -> Element { fatalError() }
}

public final class Storage {}

public struct NDArray {
  public enum ScalarType { case bfloat16, float16, float32, int32 }

  public struct InterleaveLayout: Equatable {}

  public struct RawView: ~Copyable {
    public func withUnsafeBytes<R, E: Error>(
      _ body: (UnsafeRawPointer, Span<Int>, Span<Int>) throws(E) -> R
    ) throws(E) -> R { fatalError() }
  }

  private let storage: Storage
  public init<Scalar: BitwiseCopyable>(scalars: some Sequence<Scalar>, shape: [Int]) { fatalError() }
  public var shape: [Int] { fatalError() }
  public var strides: [Int] { fatalError() }
  public var scalarType: ScalarType { fatalError() }
  public var interleaveLayout: InterleaveLayout? { fatalError() }
  public func rawView() -> RawView { fatalError() }
}

public struct NDArrayDescriptor: Sendable {
  public var shape: [Int] { fatalError() }
  public var scalarType: NDArray.ScalarType { fatalError() }
}

public struct ImageDescriptor: Sendable {}

public struct InferenceValue: ~Copyable {
  public enum Descriptor: Sendable {
    case image(ImageDescriptor)
    case ndArray(NDArrayDescriptor)
  }

  public var ndArray: NDArray? { consuming get { fatalError() } }
}

public struct InferenceFunctionDescriptor: Sendable {
  public func inputDescriptor(of inputName: String) -> InferenceValue.Descriptor? { fatalError() }
  public func outputDescriptor(of outputName: String) -> InferenceValue.Descriptor? { fatalError() }
}

public struct InferenceFunction: Sendable {
  public struct Outputs: ~Copyable {
    private let storage: Storage
    public mutating func remove(_ outputName: String) -> InferenceValue? { fatalError() }
  }

  public struct MutableViews: ~Copyable {
    public init() {}
  }

  public var descriptor: InferenceFunctionDescriptor { fatalError() }
  public func run(
    inputs: [String: NDArray], states: consuming MutableViews = MutableViews(),
    outputViews: consuming MutableViews = MutableViews()
  ) async throws -> Outputs { fatalError() }
}

public struct AIModel {
  public init(contentsOf modelURL: URL, options: SpecializationOptions = .default) async throws { fatalError() }
  public func loadFunction(named functionName: String) throws -> InferenceFunction? { fatalError() }
}
