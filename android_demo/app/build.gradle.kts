plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "dev.edgecv.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "dev.edgecv.demo"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
        ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64") }
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "proguard-rules.pro")
            // So that a clone can measure with a release build; a published app has a key of its own.
            signingConfig = signingConfigs.getByName("debug")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // Models are mapped from the APK, which works on what is stored uncompressed.
    androidResources { noCompress += listOf("tflite", "onnx") }
    // Native libraries uncompressed and aligned to 16 KB in the APK, loaded from there.
    packaging { jniLibs { useLegacyPackaging = false } }
}

kotlin {
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17
    }
}

dependencies {
    implementation(project(":edgecv"))
    implementation(libs.litert)
    implementation(libs.litert.gpu)
    implementation(libs.onnxruntime)
}
