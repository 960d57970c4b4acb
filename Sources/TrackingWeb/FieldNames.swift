import HTTPTypes

extension HTTPField.Name {
    /// A name that stands in this source: it is one, or nothing runs. A name taken in its place would leave out a check.
    private static func known(_ name: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name("\(name)") else { preconditionFailure("\(name) is no field name") }
        return name
    }

    static let robotsTag = known("X-Robots-Tag")
    static let referrerPolicy = known("Referrer-Policy")
    static let forwardedProto = known("X-Forwarded-Proto")
    static let forwardedFor = known("X-Forwarded-For")
    static let fetchSite = known("Sec-Fetch-Site")
    static let frameOptions = known("X-Frame-Options")
    static let lastEventID = known("Last-Event-ID")

    /// Fields by which proxies give themselves away (RFC 7239, RFC 9110 §7.6.3, and what is older or a vendor's).
    static let ofProxies: [HTTPField.Name] = [
        forwardedFor, forwardedProto, known("Forwarded"), known("Via"), known("X-Forwarded-Host"),
        known("X-Forwarded-Port"), known("X-Forwarded-Server"), known("X-Forwarded-Scheme"), known("X-Forwarded"),
        known("X-Forwarded-Prefix"), known("X-Forwarded-Ssl"), known("X-Real-IP"), known("X-Client-IP"),
        known("X-Cluster-Client-IP"), known("X-Original-Forwarded-For"), known("X-Original-Host"),
        known("X-Original-URL"), known("True-Client-IP"), known("CF-Connecting-IP"), known("CF-Ray"),
        known("CDN-Loop"), known("Fastly-Client-IP"), known("X-ProxyUser-Ip"), known("Front-End-Https"),
        known("X-Amzn-Trace-Id"), known("X-Azure-ClientIP"), known("X-Envoy-External-Address"),
        known("Proxy-Connection"),
    ]
}
