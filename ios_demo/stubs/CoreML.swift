// Only what is used, from Apple's documentation of Core ML.
@_exported import CoreVideo
import Foundation

public enum MLComputeUnits: Int, Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

open class MLModelConfiguration: NSObject {
  open var computeUnits = MLComputeUnits.all
}

public enum MLMultiArrayDataType: Int, Sendable { case double, float32, float16, int32 }

open class MLMultiArray: NSObject {
  public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws { fatalError() }
  open var shape: [NSNumber] { fatalError() }
  open var strides: [NSNumber] { fatalError() }
  open var dataType: MLMultiArrayDataType { fatalError() }
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R { fatalError() }
  public func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R) rethrows -> R {
    fatalError()
  }
}

open class MLFeatureValue: NSObject {
  public init(multiArray value: MLMultiArray) { fatalError() }
  public init(pixelBuffer value: CVPixelBuffer) { fatalError() }
  open var multiArrayValue: MLMultiArray? { fatalError() }
  open var dictionaryValue: [AnyHashable: NSNumber] { fatalError() }
}

public protocol MLFeatureProvider {
  func featureValue(for featureName: String) -> MLFeatureValue?
}

open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  public init(dictionary: [String: Any]) throws { fatalError() }
  open func featureValue(for featureName: String) -> MLFeatureValue? { fatalError() }
}

open class MLFeatureDescription: NSObject {}

open class MLModelDescription: NSObject {
  open var inputDescriptionsByName: [String: MLFeatureDescription] { fatalError() }
  open var outputDescriptionsByName: [String: MLFeatureDescription] { fatalError() }
  open var classLabels: [Any]? { fatalError() }
}

open class MLPredictionOptions: NSObject {}

open class MLModel: NSObject {
  public init(contentsOf url: URL, configuration: MLModelConfiguration) throws { fatalError() }
  open class func compileModel(at modelURL: URL) throws -> URL { fatalError() }
  open var modelDescription: MLModelDescription { fatalError() }
  open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider { fatalError() }
  open func prediction(from input: any MLFeatureProvider, options: MLPredictionOptions) async throws
    -> any MLFeatureProvider
  { fatalError() }
}

public class MLCPUComputeDevice {}
public class MLGPUComputeDevice {}
public class MLNeuralEngineComputeDevice {}

public enum MLComputeDevice {
  case cpu(MLCPUComputeDevice)
  case gpu(MLGPUComputeDevice)
  case neuralEngine(MLNeuralEngineComputeDevice)
}

public enum MLModelStructure {
  public struct Program {
    public struct Operation {}

    public struct Block {
      public let operations: [Operation]
    }

    public struct Function {
      public let block: Block
    }

    public let functions: [String: Function]
  }

  case program(Program)
  case unsupported
}

public class MLComputePlan {
  public struct DeviceUsage {
    public let preferred: MLComputeDevice
  }

  public static func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLComputePlan {
    fatalError()
  }
  public var modelStructure: MLModelStructure { fatalError() }
  public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? { fatalError() }
}
