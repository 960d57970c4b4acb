import MailMessage
import Tracking

/// Laws of the trace header: whatever is read can be written and read again; the vendor's own form always reads.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    for value in [bytes, Base64.encode(bytes, lineLength: nil)] {
        guard case .success(let request) = TraceHeader.parse(value), TagName(request.tagName) != nil else { continue }
        let written = TraceHeader.encode(request)
        guard case .success(let again) = TraceHeader.parse(written) else { preconditionFailure("cannot be read again") }
        precondition(
            again.tagName == request.tagName && again.opens == request.opens && again.clicks == request.clicks)
    }
    _ = try? TrackingDecision(encoded: bytes)
    return 0
}
